"""The version of this package."""

from typing import Final

# Written here too, since asking for the metadata of the installation costs each worker more than a megabyte.
VERSION: Final = "0.1.0"
