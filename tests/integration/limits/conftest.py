from integration.adapter.conftest import kit as kit
