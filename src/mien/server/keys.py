"""The keys of clients. The store has their digests only.

A key is 256 random bits, so its SHA-256 cannot be reversed by trying keys: a slow hash as for
passwords, which people choose, would add nothing but a way to keep the service busy.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from dataclasses import dataclass

from mien.errors import OptionError
from mien.server.store import Store

PREFIX = "mien_"
"""How a key begins, so that one that was published by mistake can be searched for."""


@dataclass(frozen=True)
class Keys:
    """The keys in a store."""

    store: Store

    def __enter__(self) -> Keys:
        return self

    def __exit__(self, *error: object) -> None:
        self.store.close()

    def add(self, name: str) -> str:
        """A new key, which is shown this once.

        The first key takes over the jobs that were made without one. A key that is made anew
        under the name of one that was removed has its jobs.

        Raises:
            OptionError: if there is a key of this name, or the name is empty.
        """
        name = name.strip()
        if not name or len(name) > 100:
            raise OptionError(
                f"The name of a key cannot be {name[:20]!r}; give 1 to 100 characters."
            )
        if name in self.names():
            raise OptionError(f"There is a key {name!r} already; choose another name.")
        key, owner = PREFIX + secrets.token_urlsafe(32), _digest(name)[:16]
        with self.store.writing() as db:
            db.execute(
                "INSERT INTO keys (id, name, hash, created) VALUES (?, ?, ?, ?)",
                (owner, name, _digest(key), time.time()),
            )
            db.execute("UPDATE jobs SET owner=? WHERE owner=''", (owner,))
        return key

    def remove(self, name: str) -> None:
        """Take a key back; its jobs stay, for a new key of the same name.

        Raises:
            OptionError: if there is none of this name.
        """
        with self.store.writing() as db:
            if not db.execute("DELETE FROM keys WHERE name=?", (name,)).rowcount:
                raise OptionError(
                    f"There is no key {name!r}; 'mien serve keys list' shows the keys."
                )

    def names(self) -> list[str]:
        """The names of all keys."""
        return [row[0] for row in self.store.reader.execute("SELECT name FROM keys ORDER BY name")]

    def any(self) -> bool:
        """Whether there is a key."""
        return self.store.reader.execute("SELECT 1 FROM keys LIMIT 1").fetchone() is not None

    def owner(self, key: str) -> str | None:
        """Whose key it is, compared in constant time with all; None if it is none."""
        given, found = _digest(key), None
        for owner, known in self.store.reader.execute("SELECT id, hash FROM keys").fetchall():
            if hmac.compare_digest(known, given):
                found = str(owner)
        return found


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()
