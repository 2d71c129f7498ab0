"""From the setting WAREHOUSE to a warehouse."""

from warehouse.delta.warehouse import DeltaWarehouse
from warehouse.errors import WarehouseAddressError
from warehouse.memory import MemoryWarehouse
from warehouse.port import Warehouse


def open_warehouse(address: str) -> Warehouse:
    """The warehouse at an address; nothing is read or written yet.

    Arguments:
        address: `delta:<folder or object-store URL>`, with tables at `<root>/<schema>/<table>`, or `memory:`.

    Raises:
        WarehouseAddressError: it is neither.
    """
    kind, _, place = address.partition(":")
    if kind == "delta" and place:
        return DeltaWarehouse(place)
    if address == "memory:":
        return MemoryWarehouse()
    raise WarehouseAddressError(
        f"WAREHOUSE is {address!r}; it should be delta:<folder or object-store URL> (delta:./warehouse) or memory:."
    )
