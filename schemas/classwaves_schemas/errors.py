"""Errors of the contracts. This package imports no other of ours, so it has its own error root."""


class ContractError(ValueError):
    """A value breaks the contract."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or type(self).__doc__)


class PseudonymKeyError(ContractError):
    """The pseudonym key cannot be used: provide a file of at least 32 random bytes."""


class UnsupportedFieldError(ContractError, TypeError):
    """A declared field has a type or constraint that the fast path cannot check."""
