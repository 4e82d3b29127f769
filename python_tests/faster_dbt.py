"""dbt without the work that it repeats with the same result, or does for nobody.

The tests run thousands of commands in a few processes, and each begins as if it were the first.
Nothing here changes what a command does: `test_warehouse.py` compares contexts, templates and logs.
"""

from __future__ import annotations

import gc
from types import CodeType
from typing import Any

from dbt.clients.jinja import MacroGenerator
from dbt.context.configured import ConfiguredContext
from dbt.context.macros import FlatNamespace, MacroNamespace, MacroNamespaceBuilder
from dbt.context.manifest import ManifestContext
from dbt.contracts.graph.manifest import Manifest
from dbt.contracts.graph.nodes import Macro
from dbt_common.behavior_flags import BehaviorFlagRendered
from dbt_common.clients.jinja import MacroFuzzEnvironment
from dbt_common.events.base_types import BaseEvent, EventLevel
from dbt_common.events.event_manager import EventManager
from dbt_common.tests import enable_test_caching
from jinja2.nodes import Template

# As dbt and Jinja have them
_compile = MacroFuzzEnvironment.compile
_fire_event = EventManager.fire_event
build_namespace = MacroNamespaceBuilder.build_namespace
to_dict = ManifestContext.to_dict

# (kind of environment, source) -> its code, for any context
_compiled: dict[tuple[type[MacroFuzzEnvironment], str], CodeType] = {}


def install() -> None:
    """Change dbt in this process, which runs tests alone."""
    # dbt's own switch for tests: a macro is parsed once a process, not once for each set of vars
    enable_test_caching()
    # dbt leaves cycles by the million: looked for at each 700 new objects, a sixth of the time
    gc.set_threshold(5000, 10, 20)
    # to name the source of a flag dbt goes through the whole stack, for each flag and command
    BehaviorFlagRendered._default_source = staticmethod(lambda: "dbt")  # type: ignore[method-assign]
    MacroFuzzEnvironment.compile = _compiled_once  # type: ignore[method-assign,assignment]
    EventManager.fire_event = _fire_event_that_is_heard  # type: ignore[method-assign]
    MacroNamespaceBuilder.build_namespace = _build_namespace
    ManifestContext.to_dict = _context


def keep(manifest: Manifest) -> Manifest:
    """A manifest that stays: no need to look for cycles among its 100,000 objects again."""
    gc.collect()
    gc.freeze()
    return manifest


def _compiled_once(
    self: MacroFuzzEnvironment, source: str | Template, *args: Any, **options: Any
) -> Any:
    """A template's code: dbt compiles each model, test and hook for each command."""
    if args or options or not isinstance(source, str):
        return _compile(self, source, *args, **options)
    # dbt gives each of its two classes the same extensions and filters every time
    key = (type(self), source)
    if key not in _compiled:
        _compiled[key] = _compile(self, source)
    return _compiled[key]


def _fire_event_that_is_heard(
    self: EventManager, e: BaseEvent, level: EventLevel | None = None, *args: Any, **options: Any
) -> None:
    """No event for debugging where nobody logs them: dbt makes a message of each.

    Callbacks hear none of them then; those of the tests wait for others.
    """
    logged = any(logger.level == EventLevel.DEBUG for logger in self.loggers)
    if logged or (level or e.level_tag()) != EventLevel.DEBUG:
        _fire_event(self, e, level, *args, **options)


def _build_namespace(
    self: MacroNamespaceBuilder,
    macros_by_package: dict[str, dict[str, Macro]],
    ctx: dict[str, Any],
) -> MacroNamespace:
    """The macros that a node can call: dbt makes a thousand objects for each node."""
    made: dict[str, FlatNamespace] = {}
    for package, macros in macros_by_package.items():
        generators: FlatNamespace = {}
        for name, macro in macros.items():
            generators[name] = generator = MacroGenerator.__new__(MacroGenerator)
            generator.context = ctx
            generator.macro = macro
            generator.node = self.node
            generator.stack = self.thread_ctx
        made[package] = generators
    packages = {name: made[name] for name in made if name not in self.internal_package_names}
    of_dbt: FlatNamespace = {}
    for name in reversed(self.internal_package_names_order):
        of_dbt.update(made.get(name, {}))
    return MacroNamespace(
        global_namespace=dict(packages.get(self.root_package, {})),
        local_namespace=dict(packages.get(self.search_package, {})),
        global_project_namespace=of_dbt,
        packages=packages,
    )


def _context(self: ManifestContext) -> dict[str, Any]:
    """A context with its macros, the first to be found as the last to be written."""
    if not isinstance(self.namespace, MacroNamespace):
        return to_dict(self)
    context = ConfiguredContext.to_dict(self)
    for found in reversed([*self.namespace._search_order()]):
        context.update(found)
    return context
