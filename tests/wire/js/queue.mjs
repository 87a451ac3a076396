// The queue through AWS's own SDK for JavaScript: `node queue.mjs URL`. Ends with 0 if all of it is as it should be.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import * as sqs from "@aws-sdk/client-sqs";

const client = new sqs.SQSClient({
  endpoint: process.argv[2],
  region: "eu-central-1",
  credentials: { accessKeyId: "test", secretAccessKey: "test" },
  maxAttempts: 1,
});
const send = (Command, input) => client.send(new Command(input));

const { QueueUrl } = await send(sqs.CreateQueueCommand, { QueueName: "from-js", tags: { team: "a" } });
const MessageBody = "grüße \"😀\" <&>\r\n";
const MessageAttributes = {
  text: { DataType: "String", StringValue: "v" },
  bytes: { DataType: "Binary", BinaryValue: new Uint8Array([0, 1, 255]) },
};
const sent = await send(sqs.SendMessageCommand, { QueueUrl, MessageBody, MessageAttributes });
assert.equal(sent.MD5OfMessageBody, createHash("md5").update(MessageBody).digest("hex"));

const batch = await send(sqs.SendMessageBatchCommand, {
  QueueUrl,
  Entries: [{ Id: "1", MessageBody: "b" }, { Id: "2", MessageBody: "c", DelaySeconds: 901 }],
});
assert.deepEqual([batch.Successful?.length, batch.Failed?.length], [1, 1]);

const { Messages } = await send(sqs.ReceiveMessageCommand, {
  QueueUrl,
  MaxNumberOfMessages: 10,
  WaitTimeSeconds: 1,
  MessageAttributeNames: ["All"],
  MessageSystemAttributeNames: ["All"],
});
assert.deepEqual(Messages.map((one) => one.Body), [MessageBody, "b"]);
assert.deepEqual([...Messages[0].MessageAttributes.bytes.BinaryValue], [0, 1, 255]);
assert.equal(Messages[0].Attributes.ApproximateReceiveCount, "1");

const Entries = Messages.map((one, place) => ({ Id: `${place}`, ReceiptHandle: one.ReceiptHandle }));
assert.equal((await send(sqs.DeleteMessageBatchCommand, { QueueUrl, Entries })).Successful.length, 2);
assert.equal((await send(sqs.ReceiveMessageCommand, { QueueUrl })).Messages, undefined);
assert.deepEqual((await send(sqs.ListQueueTagsCommand, { QueueUrl })).Tags, { team: "a" });

await assert.rejects(send(sqs.DeleteMessageCommand, { QueueUrl, ReceiptHandle: "x" }), sqs.ReceiptHandleIsInvalid);
await send(sqs.DeleteQueueCommand, { QueueUrl });
await assert.rejects(send(sqs.GetQueueUrlCommand, { QueueName: "from-js" }), (error) => {
  assert.equal(error.name, "QueueDoesNotExist");
  assert.equal(error.$metadata.httpStatusCode, 400);
  return error instanceof sqs.QueueDoesNotExist;
});
