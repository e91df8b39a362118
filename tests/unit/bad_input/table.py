"""Every public function that takes something, and what each of its parameters must be refused with."""

from unit.bad_input.table_board import BOARD
from unit.bad_input.table_defining import DEFINING
from unit.bad_input.table_reading import READING
from unit.bad_input.table_settings import SETTINGS, Table
from unit.bad_input.table_working import WORKING

TABLE: Table = {**BOARD, **SETTINGS, **DEFINING, **READING, **WORKING}
