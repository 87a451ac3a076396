"""Amazon resource names of queues: `arn:<partition>:sqs:<region>:<account>:<name>`."""


def partition_of(region: str) -> str:
    """The partition that a region belongs to."""
    if region.startswith("cn-"):
        return "aws-cn"
    return "aws-us-gov" if region.startswith("us-gov-") else "aws"


def queue_arn(account: str, region: str, name: str) -> str:
    """The ARN of a queue."""
    return f"arn:{partition_of(region)}:sqs:{region}:{account}:{name}"


def queue_of(arn: str) -> tuple[str, str, str] | None:
    """(account, region, name) of a queue's ARN; None if it is the ARN of something else, or none at all."""
    parts = arn.split(":")
    if len(parts) != 6 or parts[0] != "arn" or parts[2] != "sqs" or not all(parts):
        return None
    _, partition, _, region, account, name = parts
    return (account, region, name) if partition == partition_of(region) else None
