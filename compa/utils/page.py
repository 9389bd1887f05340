"""Web pages from templates: every text in them is escaped, and a name that a template lacks is an error."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jinja2


def fill(template: Path, **values: Any) -> str:
    """Fills a template; it may include others in its folder."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(template.parent),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(template.name).render(**values)
