"""The AWS door of the queue: an operation is one message to one address, an error is its code. No rule lives here.

Source: SQS API reference.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any
from urllib.parse import unquote, urlsplit

from actors.address import Address
from actors.message import Message
from patterns.queue.errors import EmptyBatchRequest, MissingParameter, QueueDoesNotExist, QueueError
from patterns.queue.messages import (
    AttributeValue,
    BatchResult,
    ChangeMessageVisibility,
    ChangeMessageVisibilityBatch,
    CreateQueue,
    DeleteEntry,
    DeleteMessage,
    DeleteMessageBatch,
    DeleteQueue,
    FindQueue,
    GetQueueAttributes,
    ListDeadLetterSourceQueues,
    ListQueues,
    ListQueueTags,
    PurgeQueue,
    QueuePage,
    Received,
    ReceivedMessages,
    ReceiveMessage,
    SendEntry,
    SendMessage,
    SendMessageBatch,
    Sent,
    SetQueueAttributes,
    TagQueue,
    UntagQueue,
    VisibilityEntry,
)
from patterns.queue.query_names import SQS_QUERY_NAMES
from runtime.door.service import Call, Delivers, Operation, Service, WireError

Input = Mapping[str, Any]
Asked = tuple[Address, Message[Any]]

_HOST_REGION = re.compile(r"(?:^|\.)sqs\.([a-z0-9-]+)\.|^([a-z0-9-]+)\.queue\.")
_NAME = re.compile(r"[A-Za-z0-9_.-]{1,80}\Z")
_REGION = re.compile(r"[a-z0-9-]{1,32}\Z")
_ACCOUNT = re.compile(r"[0-9]{12}\Z")
BATCH_ENTRY = {
    "SendMessageBatch": "SendMessageBatchRequestEntry",
    "DeleteMessageBatch": "DeleteMessageBatchRequestEntry",
    "ChangeMessageVisibilityBatch": "ChangeMessageVisibilityBatchRequestEntry",
}


# --- addresses --------------------------------------------------------------------------------------------


@lru_cache(maxsize=4_096)
def queue_of_url(url: str, account: str, region: str) -> tuple[str, str, str]:
    """(account, region, name) that a QueueUrl means: host, port and scheme are not looked at, but for a region in them.

    A bare name is a queue of the caller. Raises QueueDoesNotExist for what can be no queue's.
    """
    parts = urlsplit(
        url if "//" in url else f"//host/{url}" if "/" in url.strip("/") else f"//host/{account}/{url}"
    )
    if found := _HOST_REGION.search(parts.netloc):
        region = found[1] or found[2]
    path = [unquote(part) for part in parts.path.strip("/").split("/")]
    if len(path) == 4 and path[0] == "queue":
        region = path[1]
    if (
        not _REGION.match(region)
        or len(path) < 2
        or not _NAME.match(path[-1])
        or not _ACCOUNT.match(path[-2])
    ):
        raise QueueDoesNotExist
    return path[-2], region, path[-1]


def _queue(call: Call) -> Address:
    return _address(*_parsed(call))


def _parsed(call: Call) -> tuple[str, str, str]:
    try:
        return queue_of_url(call.input["QueueUrl"], call.account, call.region)
    except ValueError:  # urlsplit: brackets that are no IPv6 host
        raise QueueDoesNotExist from None


@lru_cache(maxsize=4_096)
def _address(account: str, region: str, name: str) -> Address:
    return Address.of("queue", account, region, name)


def _names(account: str, region: str) -> Address:
    return Address.of("queue", account, region)


def _url(call: Call, account: str, name: str) -> str:
    return f"{call.base_url}/{account}/{name}"


# --- inputs -----------------------------------------------------------------------------------------------


def _attribute_values(given: Mapping[str, Input] | None) -> dict[str, AttributeValue]:
    if not given:
        return {}
    return {
        name: AttributeValue(
            value.get("DataType", ""),
            value.get("StringValue"),
            value.get("BinaryValue"),
            bool(value.get("StringListValues") or value.get("BinaryListValues")),
        )
        for name, value in given.items()
    }


def _send_entry(given: Input, call: Call) -> SendEntry:
    return SendEntry(
        given["MessageBody"],
        given.get("Id", ""),
        given.get("DelaySeconds"),
        _attribute_values(given.get("MessageAttributes")),
        _attribute_values(given.get("MessageSystemAttributes")),
        given.get("MessageDeduplicationId"),
        given.get("MessageGroupId"),
        call.trace_header,
    )


def _create(call: Call) -> Asked:
    given = call.input
    message = CreateQueue(
        name=given["QueueName"], attributes=given.get("Attributes") or {}, tags=given.get("tags") or {}
    )
    return _names(call.account, call.region), message


def _find(call: Call) -> Asked:
    account = call.input.get("QueueOwnerAWSAccountId") or call.account
    if not _ACCOUNT.match(account):
        raise QueueDoesNotExist
    return _names(account, call.region), FindQueue(name=call.input["QueueName"])


def _list(call: Call) -> Asked:
    given = call.input
    message = ListQueues(
        prefix=given.get("QueueNamePrefix") or "", limit=given.get("MaxResults"), token=given.get("NextToken")
    )
    return _names(call.account, call.region), message


def _sources(call: Call) -> Asked:
    account, region, name = _parsed(call)
    message = ListDeadLetterSourceQueues(
        name=name, limit=call.input.get("MaxResults"), token=call.input.get("NextToken")
    )
    return _names(account, region), message


def _delete_queue(call: Call) -> Asked:
    account, region, name = _parsed(call)
    return _names(account, region), DeleteQueue(name=name)


def _send(call: Call) -> Asked:
    return _queue(call), SendMessage(entry=_send_entry(call.input, call), sender=call.account)


def _send_batch(call: Call) -> Asked:
    entries = tuple(_send_entry(entry, call) for entry in call.input["Entries"])
    return _queue(call), SendMessageBatch(entries=entries, sender=call.account)


def _receive(call: Call) -> Asked:
    given = call.input
    message = ReceiveMessage(
        count=given.get("MaxNumberOfMessages", 1),
        wait=given.get("WaitTimeSeconds"),
        visibility=given.get("VisibilityTimeout"),
        system_names=(
            *(given.get("AttributeNames") or ()),
            *(given.get("MessageSystemAttributeNames") or ()),
        ),
        attribute_names=tuple(given.get("MessageAttributeNames") or ()),
        attempt=given.get("ReceiveRequestAttemptId"),
    )
    return _queue(call), message


def _is_fifo(call: Call) -> bool:
    return _parsed(call)[2].endswith(".fifo")


def _most(call: Call) -> int:
    return int(call.input.get("MaxNumberOfMessages", 1))


def _delete(call: Call) -> Asked:
    return _queue(call), DeleteMessage(receipt_handle=call.input["ReceiptHandle"])


def _delete_batch(call: Call) -> Asked:
    entries = tuple(DeleteEntry(one["ReceiptHandle"], one["Id"]) for one in call.input["Entries"])
    return _queue(call), DeleteMessageBatch(entries=entries)


def _visibility(call: Call) -> Asked:
    given = call.input
    message = ChangeMessageVisibility(
        receipt_handle=given["ReceiptHandle"], timeout=given["VisibilityTimeout"]
    )
    return _queue(call), message


def _visibility_batch(call: Call) -> Asked:
    entries = tuple(
        VisibilityEntry(one["ReceiptHandle"], one.get("VisibilityTimeout"), one["Id"])
        for one in call.input["Entries"]
    )
    return _queue(call), ChangeMessageVisibilityBatch(entries=entries)


def _get(call: Call) -> Asked:
    return _queue(call), GetQueueAttributes(names=tuple(call.input.get("AttributeNames") or ()))


def _set(call: Call) -> Asked:
    return _queue(call), SetQueueAttributes(attributes=dict(call.input["Attributes"]))


def _tag(call: Call) -> Asked:
    return _queue(call), TagQueue(tags=dict(call.input["Tags"]))


def _untag(call: Call) -> Asked:
    return _queue(call), UntagQueue(keys=tuple(call.input["TagKeys"]))


# --- outputs ----------------------------------------------------------------------------------------------


def _nothing(_reply: object, _call: Call) -> Input:
    return {}


def _created(name: str, call: Call) -> Input:
    return {"QueueUrl": _url(call, call.account, name)}


def _found(name: str, call: Call) -> Input:
    return {"QueueUrl": _url(call, call.input.get("QueueOwnerAWSAccountId") or call.account, name)}


def _listed(member: str) -> Callable[[QueuePage, Call], Input]:
    def output(page: QueuePage, call: Call) -> Input:
        account = call.account if member == "QueueUrls" else _parsed(call)[0]
        answer: dict[str, Any] = {}
        if page.names or member == "queueUrls":  # ListQueues leaves the key out, the other has it always
            answer[member] = [_url(call, account, name) for name in page.names]
        if page.next_token is not None:
            answer["NextToken"] = page.next_token
        return answer

    return output


def _sent_members(sent: Sent) -> dict[str, Any]:
    members: dict[str, Any] = {"MessageId": sent.message_id, "MD5OfMessageBody": sent.md5_of_body}
    if sent.md5_of_attributes is not None:
        members["MD5OfMessageAttributes"] = sent.md5_of_attributes
    if sent.md5_of_system_attributes is not None:
        members["MD5OfMessageSystemAttributes"] = sent.md5_of_system_attributes
    if sent.sequence is not None:
        members["SequenceNumber"] = f"{sent.sequence:020d}"
    return members


def _sent(sent: Sent, _call: Call) -> Input:
    return _sent_members(sent)


def _batch(result: BatchResult, _call: Call) -> Input:
    done: Sequence[dict[str, Any]] = [{"Id": sent.entry_id, **_sent_members(sent)} for sent in result.sent]
    done = done or [{"Id": entry_id} for entry_id in result.done]
    failed = [
        {"Id": one.entry_id, "SenderFault": True, "Code": one.code, "Message": one.text}
        for one in result.failed
    ]
    answer: dict[str, Any] = {}
    if done:
        answer["Successful"] = done
    if failed:
        answer["Failed"] = failed
    return answer


def _received(reply: ReceivedMessages, _call: Call) -> Input:
    return {"Messages": [_message(one) for one in reply.messages]} if reply.messages else {}


def _message(one: Received) -> dict[str, Any]:
    members: dict[str, Any] = {
        "MessageId": one.message_id,
        "ReceiptHandle": one.receipt_handle,
        "MD5OfBody": one.md5_of_body,
        "Body": one.body,
    }
    if one.system_attributes:
        members["Attributes"] = one.system_attributes
    if one.attributes:
        members["MD5OfMessageAttributes"] = one.md5_of_attributes
        members["MessageAttributes"] = {name: _value(value) for name, value in one.attributes.items()}
    return members


def _value(value: AttributeValue) -> dict[str, Any]:
    if value.binary is not None:
        return {"BinaryValue": value.binary, "DataType": value.data_type}
    return {"StringValue": value.string, "DataType": value.data_type}


def _mapped(member: str) -> Callable[[dict[str, str], Call], Input]:
    return lambda reply, _call: {member: reply} if reply else {}


# --- errors -----------------------------------------------------------------------------------------------


def _wire_error(error: Exception, call: Call) -> WireError:
    assert isinstance(error, QueueError)
    return _rendered(error, call.protocol)


def _rendered(error: QueueError, protocol: str) -> WireError:
    text = error.text
    if isinstance(error, QueueDoesNotExist) and protocol == "query":
        text = "The specified queue does not exist for this wsdl version."
    return WireError(
        shape=error.shape,
        status=error.status,
        query_code=error.query_code,
        message=text,
        namespace="com.amazon.coral.service" if error.coral else "",
    )


def _missing_member(operation: str, member: str) -> WireError:
    entry = BATCH_ENTRY.get(operation)
    if entry is not None and member == "Entries":
        return _rendered(EmptyBatchRequest(entry), "json")
    # like the refusal of an empty batch, it names an entry as the Query protocol does, whatever the protocol
    name = member if entry is None else member.replace("Entries.", f"{entry}.", 1)
    return _rendered(MissingParameter(name), "json")


SQS = Service(
    model="sqs",
    operations={
        "CreateQueue": Operation(_create, _created),
        "GetQueueUrl": Operation(_find, _found),
        "ListQueues": Operation(_list, _listed("QueueUrls")),
        "ListDeadLetterSourceQueues": Operation(_sources, _listed("queueUrls")),
        "DeleteQueue": Operation(_delete_queue, _nothing),
        "PurgeQueue": Operation(lambda call: (_queue(call), PurgeQueue()), _nothing),
        "GetQueueAttributes": Operation(_get, _mapped("Attributes")),
        "SetQueueAttributes": Operation(_set, _nothing),
        "SendMessage": Operation(_send, _sent),
        "SendMessageBatch": Operation(_send_batch, _batch),
        "ReceiveMessage": Operation(
            _receive, _received, waits=True, delivers=Delivers("Messages", _is_fifo, _most)
        ),
        "DeleteMessage": Operation(_delete, _nothing),
        "DeleteMessageBatch": Operation(_delete_batch, _batch),
        "ChangeMessageVisibility": Operation(_visibility, _nothing),
        "ChangeMessageVisibilityBatch": Operation(_visibility_batch, _batch),
        "TagQueue": Operation(_tag, _nothing),
        "UntagQueue": Operation(_untag, _nothing),
        "ListQueueTags": Operation(lambda call: (_queue(call), ListQueueTags()), _mapped("Tags")),
    },
    errors={QueueError: _wire_error},
    query=SQS_QUERY_NAMES,
    missing_member=_missing_member,
    constraints=False,
)
