"""`POST /api/users/...`: an administrator adds, changes and removes who may log in.

Each change is made under the rules of `settings.people`, is in force at once and is audited with who
did it and from where; without that line nothing is changed. The answer carries the table of users as it
is then.
"""

from typing import Any

from flask import Flask, Response, abort

from substation.access.users import ROLES
from substation.dashboard import people_table, posted, recorded, rights
from substation.dashboard.desk import Desk
from substation.dashboard.heard import told
from substation.dashboard.rights import role_name
from substation.dashboard.tongue import say
from substation.settings import people, vault
from substation.settings.model import Settings, User, UserRole


def add(server: Flask, desk: Desk) -> None:
    """Add the addresses."""
    of = _People(desk)
    for end, view in (
        ("", of.add),
        ("/role", of.role),
        ("/disable", of.disable),
        ("/enable", of.enable),
        ("/password", of.password),
        ("/remove", of.remove),
    ):
        name = f"api_users{end.replace('/', '_')}"
        server.add_url_rule(
            people_table.USERS + end, name, rights.needs("administrator")(view), methods=["POST"]
        )


class _People:
    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def add(self) -> Response:
        said = posted.texts("name", "role", optional=("password",))
        role, name = _role(said["role"]), said["name"]
        settings = self._desk.watch.settings
        posted.possible(lambda: people.added(settings, name, role, "$argon2id$"))
        password, shown = self._new_password(settings, name, said["password"])
        fresh = posted.hashed(password)

        def line(_before: Settings, after: Settings, /, **more: Any) -> bool:
            user = people.known(after, name)
            return self._desk.audit.write("user.added", of=user.name, role=user.role, **self._by(), **more)

        _, after = recorded.changed(self._desk, lambda now: people.added(now, name, role, fresh), line)
        user = people.known(after, name)
        return self._done(
            say("Added {name}, {role}.", name=user.name, role=role_name(user.role)), after, user, shown
        )

    def role(self) -> Response:
        said = posted.texts("name", "role")
        name, role = said["name"], _role(said["role"])

        def line(before: Settings, after: Settings, /, **more: Any) -> bool:
            old, new = people.known(before, name), people.known(after, name)
            return self._desk.audit.write(
                "user.role", of=new.name, before=old.role, after=new.role, **self._by(), **more
            )

        before, after = recorded.changed(self._desk, lambda now: people.with_role(now, name, role), line)
        old, new = people.known(before, name), people.known(after, name)
        if old == new:
            words = say("{name} is {role} already.", name=new.name, role=role_name(new.role))
            return self._done(words, after, new)
        words = say(
            "{name} is {role} now, {before} before.",
            name=new.name,
            role=role_name(new.role),
            before=role_name(old.role),
        )
        return self._done(words, after, new)

    def disable(self) -> Response:
        name = posted.texts("name")["name"]

        def line(_before: Settings, after: Settings, /, **more: Any) -> bool:
            user = people.known(after, name)
            return self._desk.audit.write("user.disabled", of=user.name, **self._by(), **more)

        before, after = recorded.changed(self._desk, lambda now: people.disabled(now, name, True), line)
        user = people.known(after, name)
        self._desk.sessions.end_all(user.name)
        if before == after:
            return self._done(say("{name} is disabled already.", name=user.name), after, user)
        words = say("{name} may not log in any more, and is logged out.", name=user.name)
        return self._done(words, after, user)

    def enable(self) -> Response:
        name = posted.texts("name")["name"]

        def line(_before: Settings, after: Settings, /, **more: Any) -> bool:
            user = people.known(after, name)
            return self._desk.audit.write("user.enabled", of=user.name, **self._by(), **more)

        before, after = recorded.changed(self._desk, lambda now: people.disabled(now, name, False), line)
        user = people.known(after, name)
        if before == after:
            return self._done(say("{name} is enabled already.", name=user.name), after, user)
        return self._done(say("{name} may log in again.", name=user.name), after, user)

    def password(self) -> Response:
        said = posted.texts("name", optional=("password",))
        settings = self._desk.watch.settings
        user = posted.possible(lambda: people.known(settings, said["name"]))
        if user.name == rights.current_user().name:
            return posted.not_done(409, say("Your own password is changed on the page Your login."))
        password, shown = self._new_password(settings, user.name, said["password"])
        fresh = posted.hashed(password)

        def line(_before: Settings, _after: Settings, /, **more: Any) -> bool:
            return self._desk.audit.write("password.changed", of=user.name, **self._by(), **more)

        _, after = recorded.changed(self._desk, lambda now: people.with_password(now, user.name, fresh), line)
        self._desk.sessions.end_all(user.name)
        words = say("{name} has a new password, and is logged out.", name=user.name)
        return self._done(words, after, user, shown)

    def remove(self) -> Response:
        name = posted.texts("name")["name"]

        def line(before: Settings, _after: Settings, /, **more: Any) -> bool:
            gone = people.known(before, name)
            return self._desk.audit.write("user.removed", of=gone.name, role=gone.role, **self._by(), **more)

        before, after = recorded.changed(self._desk, lambda now: people.removed(now, name), line)
        gone = people.known(before, name)
        self._desk.sessions.end_all(gone.name)
        return self._done(say("Removed {name}.", name=gone.name), after, gone)

    def _new_password(self, settings: Settings, name: str, typed: str) -> tuple[str, str]:
        """Return a new password, and what of it is to be shown: a generated one, once."""
        if not typed:
            generated = vault.generated_password()
            return generated, generated
        reason = people.refusal(settings, name, typed)
        if reason is not None:
            abort(posted.not_done(422, say("The password cannot be taken: {why}.", why=told(reason))))
        return typed, ""

    def _by(self) -> dict[str, Any]:
        return {"user": self._who(), "src": posted.source()}

    def _who(self) -> str:
        return rights.current_user().name

    def _done(self, words: str, after: Settings, user: User, password: str = "") -> Response:
        secret = {"secret": password, "of": user.name} if password else {}
        return posted.done(words, table=people_table.table(after, self._who()), **secret)


def _role(text: str) -> UserRole:
    role = next((role for role in ROLES if role == text), None)
    if role is None:
        abort(posted.not_done(400, say("There is no such role; there are {known}.", known=", ".join(ROLES))))
    return role
