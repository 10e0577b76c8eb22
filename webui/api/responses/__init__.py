"""What `/api` answers. Programs rely on these names: a page may be redrawn without any of them changing.

Numbers are numbers and instants ISO 8601; nothing here is drawn, cut to a width or written for eyes. Everything is made
from the catalog, nothing from a page. `tests/web/api_schema.json` pins all of it.
"""

from __future__ import annotations

from collections.abc import Mapping

from webui.api.responses.editing import (
    BatchAnswer,
    DifferenceAnswer,
    EditAnswer,
    HistoryAnswer,
    PreviewAnswer,
    RestoreAnswer,
)
from webui.api.responses.finding import (
    SearchAnswer,
    SuggestionsAnswer,
    ValuesAnswer,
)
from webui.api.responses.models import (
    ComparisonAnswer,
    LineageAnswer,
    ModelAnswer,
    ModelsAnswer,
)
from webui.api.responses.refusals import (
    RefusedAnswer,
)
from webui.api.responses.retention import (
    PlanAnswer,
    RetentionAnswer,
)
from webui.api.responses.sources import (
    EventsAnswer,
    LoggedAnswer,
    RunAnswer,
    RunsAnswer,
    SourcesAnswer,
    StatusAnswer,
)
from webui.api.responses.tables import (
    TableAnswer,
    TablesAnswer,
)

ANSWERS: Mapping[str, type] = {
    "/api/search": SearchAnswer,
    "/api/models/<id>": ModelAnswer,
    "/api/models": ModelsAnswer,
    "/api/facets/<field>": ValuesAnswer,
    "/api/suggest": SuggestionsAnswer,
    "/api/runs": StatusAnswer,
    "/api/v1/search": SearchAnswer,
    "GET /api/v1/models": ModelsAnswer,
    "/api/v1/facets/<field>": ValuesAnswer,
    "/api/v1/suggest": SuggestionsAnswer,
    "/api/v1/compare": ComparisonAnswer,
    "/api/v1/edits": BatchAnswer,
    "/api/v1/edits with dry_run": PreviewAnswer,
    "/api/v1/edits/<batch>/undo": BatchAnswer,
    "/api/v1/events": EventsAnswer,
    "/api/v1/events/mlflow/<source>": EventsAnswer,
    "/api/v1/models": LoggedAnswer,
    "/api/v1/models/<id>": ModelAnswer,
    "PATCH /api/v1/models/<id>": EditAnswer,
    "/api/v1/models/<id>/diff": DifferenceAnswer,
    "/api/v1/models/<id>/history": HistoryAnswer,
    "/api/v1/models/<id>/lineage": LineageAnswer,
    "/api/v1/models/<id>/restore": RestoreAnswer,
    "/api/v1/retention": RetentionAnswer,
    "/api/v1/retention/<plan_id>": PlanAnswer,
    "/api/v1/runs": RunsAnswer,
    "/api/v1/runs/<run_id>/accept": RunAnswer,
    "/api/v1/tables": TablesAnswer,
    "/api/v1/tables/<name>": TableAnswer,
    "/api/v1/sources": SourcesAnswer,
    "error": RefusedAnswer,
}
