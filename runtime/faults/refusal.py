"""Why a set of rules is not used."""


class BadFaults(Exception):
    """Rules that are not used; the text is one sentence with the place in the file."""
