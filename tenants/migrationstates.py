"""One run of Django's migrations after another in one process, for schema after schema.

Four fifths of such a run is not the database's work: Django builds all models anew for each operation, to
hand them to it. They are the same for every schema, so what the first run built serves the next.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar

from django.core.management.commands import migrate
from django.db.migrations import Migration
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.state import ProjectState

Applied = frozenset[tuple[str, str]]


class RememberingExecutor(MigrationExecutor):
    """Applies migrations as Django does, with the states before and after each operation kept in `states`.

    States follow from the migrations applied before, whatever schema they were applied in.
    """

    states: ClassVar[dict[tuple[Applied, Migration], Sequence[ProjectState]]] = {}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._applied: Applied = frozenset(self.loader.applied_migrations)

    def apply_migration(
        self, state: ProjectState, migration: Migration, fake: bool = False, fake_initial: bool = False
    ) -> ProjectState:
        """Run a migration forwards; returns a state that the caller may change."""
        if fake or fake_initial or not migration.atomic:
            state = super().apply_migration(state, migration, fake, fake_initial)
            self._applied |= {(migration.app_label, migration.name)}
            return state
        if self.progress_callback:
            self.progress_callback("apply_start", migration, fake)
        states = self._states(state, migration)
        record: Any = self.record_migration  # it takes a migration, whatever its stub says
        with self.connection.schema_editor(atomic=migration.atomic) as editor:
            for place, operation in enumerate(migration.operations):
                operation.database_forwards(migration.app_label, editor, states[place], states[place + 1])
            recorded = not editor.deferred_sql
            if recorded:
                record(migration)
        if not recorded:
            record(migration)
        self._applied |= {(migration.app_label, migration.name)}
        if self.progress_callback:
            self.progress_callback("apply_success", migration, fake)
        return states[-1].clone()

    def _states(self, state: ProjectState, migration: Migration) -> Sequence[ProjectState]:
        key = (self._applied, migration)
        if key not in self.states:
            state = state.clone()
            found = [state.clone()]
            for operation in migration.operations:
                operation.state_forwards(migration.app_label, state)
                found.append(state.clone())
            self.states[key] = found
        return self.states[key]


@contextmanager
def remembered() -> Iterator[None]:
    """Runs of `migrate` in the block share what they build; the memory is given back at its end."""
    command: Any = migrate
    plain = command.MigrationExecutor
    command.MigrationExecutor = RememberingExecutor
    try:
        yield
    finally:
        command.MigrationExecutor = plain
        RememberingExecutor.states.clear()
