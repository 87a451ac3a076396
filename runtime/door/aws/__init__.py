"""The AWS door: one endpoint for all services, driven by botocore's own service models.

A request finds its operation (`routing`), its caller (`sigv4`), becomes a `Call` (`json_protocol`,
`query_protocol`), is answered (`door`), and the answer becomes bytes by the same model that the client has.
"""
