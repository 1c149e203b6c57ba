"""Which keyring a process uses, by `VITALKEEP_KEYRING`."""

from pathlib import Path

from vitalkeep.base.cloud_kms import CloudKms
from vitalkeep.base.keyring_google import GoogleKeyring, key_name, make_google_keyring
from vitalkeep.base.keys import DirectoryKeyring, KeyringError, init_keyring
from vitalkeep.base.settings import Settings


def open_keyring(settings: Settings) -> DirectoryKeyring:
    """The keyring of the settings. Raises KeyringError."""
    directory = directory_of(settings)
    if isinstance(settings.keyring, str):
        return GoogleKeyring(CloudKms(key_name(settings.keyring)), directory)
    return DirectoryKeyring(directory)


def make_keyring(settings: Settings) -> DirectoryKeyring:
    """A new keyring where the settings say. Raises KeyringError if there is one."""
    directory = directory_of(settings)
    if isinstance(settings.keyring, str):
        make_google_keyring(CloudKms(key_name(settings.keyring)), directory)
    else:
        init_keyring(directory)
    return open_keyring(settings)


def directory_of(settings: Settings) -> Path:
    """Where the keyring's files are. Raises KeyringError."""
    try:
        return settings.keyring_dir
    except ValueError as error:
        raise KeyringError(str(error)) from None
