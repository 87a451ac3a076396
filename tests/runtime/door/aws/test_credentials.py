import pytest

from runtime.door.aws.credentials import BadCredentials, Credentials

ALICE = "[alice]\naws_access_key_id = AKIA1\naws_secret_access_key = hush\n"


def test_profiles_are_found_by_their_key_ids() -> None:
    text = f"# a comment\n{ALICE}account = 111122223333\n[bob]\naws_access_key_id=AKIA2\naws_secret_access_key=a%b=\n"
    keys = Credentials.parse(text).keys
    assert (keys["AKIA1"].profile, keys["AKIA1"].account) == ("alice", "111122223333")
    assert (keys["AKIA2"].secret, keys["AKIA2"].account) == ("a%b=", "")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("hush", "not of"),
        (f"{ALICE}[alice]\n", "not of"),
        ("[bob]\naws_access_key_id = A\n", "bob of the credentials file has no aws_secret_access_key"),
        (f"{ALICE}account = 1\n", "not 12 digits"),
        (f"{ALICE}{ALICE.replace('alice', 'bob')}", "same aws_access_key_id"),
    ],
)
def test_a_bad_file_is_refused_without_its_secrets(text: str, message: str) -> None:
    with pytest.raises(BadCredentials, match=message) as caught:
        Credentials.parse(text)
    assert "hush" not in str(caught.value)


def test_the_secret_is_in_no_repr() -> None:
    credentials = Credentials.parse(ALICE)
    assert "hush" not in repr(credentials) + repr(credentials.keys)
