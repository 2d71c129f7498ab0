"""What the contracts raise on purpose. They stand alone, so their root is not the service's."""


class ContractError(ValueError):
    """A value breaks the contract."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or type(self).__doc__)


class PseudonymKeyError(ContractError):
    """The pseudonym key cannot be used: give a file of at least 32 random bytes."""


class UnsupportedFieldError(ContractError, TypeError):
    """A declared field has a type or constraint that the fast path cannot check."""
