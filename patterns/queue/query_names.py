"""SQS's names in the Query protocol: botocore's model has them no longer. Lists of structures go by their element's name."""

from runtime.door.service import QueryNames

_NAMED_VALUE = ("Name", "Value")
_TAG = ("Key", "Value")

SQS_QUERY_NAMES = QueryNames(
    namespace="http://queue.amazonaws.com/doc/2012-11-05/",
    request={
        "AWSAccountIds": "AWSAccountId",
        "Actions": "ActionName",
        "AttributeNames": "AttributeName",
        "Attributes": "Attribute",
        "BinaryListValues": "BinaryListValue",
        "MessageAttributeNames": "MessageAttributeName",
        "MessageAttributes": "MessageAttribute",
        "MessageSystemAttributeNames": "MessageSystemAttributeName",
        "MessageSystemAttributes": "MessageSystemAttribute",
        "StringListValues": "StringListValue",
        "TagKeys": "TagKey",
        "Tags": "Tag",
        "tags": "Tag",
    },
    results={
        "Attributes": "Attribute",
        "BinaryListValues": "BinaryListValue",
        "MessageAttributes": "MessageAttribute",
        "QueueUrls": "QueueUrl",
        "StringListValues": "StringListValue",
        "Tags": "Tag",
        "queueUrls": "QueueUrl",
    },
    maps={
        "Attributes": _NAMED_VALUE,
        "MessageAttributes": _NAMED_VALUE,
        "MessageSystemAttributes": _NAMED_VALUE,
        "Tags": _TAG,
        "tags": _TAG,
    },
    no_result=frozenset(
        {
            "AddPermission",
            "ChangeMessageVisibility",
            "DeleteMessage",
            "DeleteQueue",
            "PurgeQueue",
            "RemovePermission",
            "SetQueueAttributes",
            "TagQueue",
            "UntagQueue",
        }
    ),
    path_member="QueueUrl",
    root_only=frozenset({"CreateQueue", "ListQueues"}),
)
