from integration.adapter.conftest import kit as kit
from integration.engine.conftest import engine as engine
