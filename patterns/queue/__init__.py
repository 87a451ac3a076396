"""Queues, as Amazon SQS serves them: typed messages in-process, and the AWS door's service."""
