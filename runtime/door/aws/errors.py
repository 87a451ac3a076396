"""The refusals that are not one service's own: unreadable, unknown, unsigned, unbuilt, broken.

Each has two names: the shape that JSON carries in `__type`, and the code of the Query protocol.
Source: the services' "Common errors" pages, and what the services answer.
"""

from runtime.door.service import WireError

CORAL = "com.amazon.coral.service"
"""The namespace of what the services' common front end answers."""


def serialization(text: str) -> WireError:
    """The body cannot be read as the operation's input (JSON)."""
    return WireError("SerializationException", message=text, namespace=CORAL)


def malformed_query(text: str) -> WireError:
    """The form cannot be read at all (Query)."""
    return WireError("MalformedQueryStringException", 400, "MalformedQueryString", text, namespace=CORAL)


def invalid_parameter(value: str, parameter: str, reason: str) -> WireError:
    """A form's text that cannot become the member's type (Query)."""
    text = f"Value {value} for parameter {parameter} is invalid. Reason: {reason}"
    return WireError("InvalidParameterValueException", 400, "InvalidParameterValue", text, namespace=CORAL)


def validation(text: str) -> WireError:
    """The input breaks constraints of the model."""
    return WireError("ValidationException", 400, "ValidationError", text)


def unknown_operation() -> WireError:
    """No service of the endpoint, or no operation of the service, has this name (JSON)."""
    text = "The requested operation is not recognized by the service."
    return WireError("UnknownOperationException", 400, "InvalidAction", text, namespace=CORAL)


def invalid_action(action: str) -> WireError:
    """No operation has this name (Query)."""
    text = f"The action {action[:128]} is not valid for this endpoint."
    return WireError("InvalidActionException", 400, "InvalidAction", text, namespace=CORAL)


def missing_action() -> WireError:
    """Signed for a service of ours, but it does not say what to do."""
    text = "The request is missing an action or a required parameter."
    return WireError("MissingActionException", 400, "MissingAction", text, namespace=CORAL)


def not_implemented(service: str, operation: str) -> WireError:
    """The real service has this operation, this node has not."""
    text = f"{service}.{operation} is not implemented by this node"
    return WireError("NotImplemented", 501, message=text, fault="Receiver", namespace=CORAL)


def internal_failure() -> WireError:
    """Something of ours is broken; what it was stands in the log, not on the wire."""
    text = "The request processing has failed because of an unknown error, exception or failure."
    return WireError("InternalFailure", 500, message=text, fault="Receiver", namespace=CORAL)


def unavailable(code: str = "ServiceUnavailable", status: int = 503) -> WireError:
    """Not now: the caller may try again."""
    text = "The request has failed due to a temporary failure of the server."
    fault = "Receiver" if status >= 500 else "Sender"
    return WireError(code, status, message=text, fault=fault, namespace=CORAL)


def missing_token() -> WireError:
    """No signature where one is wanted."""
    text = "Request is missing Authentication Token"
    return WireError(
        "MissingAuthenticationTokenException", 403, "MissingAuthenticationToken", text, namespace=CORAL
    )


def unknown_key() -> WireError:
    """The access key is not one of the credentials'."""
    text = "The security token included in the request is invalid."
    return WireError("UnrecognizedClientException", 403, "InvalidClientTokenId", text, namespace=CORAL)


def incomplete_signature(text: str) -> WireError:
    """A signature whose parts are missing or unreadable."""
    return WireError("IncompleteSignatureException", 400, "IncompleteSignature", text, namespace=CORAL)


def wrong_signature(text: str) -> WireError:
    """A signature that does not hold, or no longer, or not yet."""
    return WireError("InvalidSignatureException", 403, "SignatureDoesNotMatch", text, namespace=CORAL)


def expired() -> WireError:
    """A presigned request after its time."""
    return WireError("RequestExpired", 400, message="Request has expired.", namespace=CORAL)
