"""Which keyring a process uses, by `VITALKEEP_KEYRING`."""

from vitalkeep.base.keys import DirectoryKeyring, init_keyring
from vitalkeep.base.settings import Settings


def open_keyring(settings: Settings) -> DirectoryKeyring:
    """The keyring of the settings. Raises KeyringError."""
    return DirectoryKeyring(settings.keyring_dir)


def make_keyring(settings: Settings) -> DirectoryKeyring:
    """A new keyring where the settings say. Raises KeyringError if there is one."""
    init_keyring(settings.keyring_dir)
    return open_keyring(settings)
