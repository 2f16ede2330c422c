"""Whether a run has a use for a step that only spares others work, as the index does."""

from selfspec_assets.steps.lineage import Lineage
from selfspec_assets.warehouse import Warehouse


def is_wanted(lineage: Lineage, warehouse: Warehouse, step: str, domain: str, iterations: int) -> bool:
    """False only of a step that is made on demand and is not there, where all that need it in so many iterations is.

    Raises:
        SelfspecError: a file that a signature is made from is missing or broken.
    """
    if not lineage.step(step).on_demand or warehouse.has(lineage.signature(step, domain, 0)):
        return True
    return any(
        not warehouse.has(lineage.signature(reader, domain, n))
        for n in range(iterations + 1)
        for reader in lineage.steps(n)
        if (step, 0) in lineage.needs(reader, n)
    )
