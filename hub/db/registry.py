"""Every module that declares a table, so that `Base.metadata` is complete wherever this is imported."""

import hub.audit.models
import hub.auth.models
import hub.cases.models
import hub.fleet.models
import hub.ingest.models
import hub.media.models  # noqa: F401
from hub.db.base import Base

metadata = Base.metadata
