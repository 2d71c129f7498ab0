"""The command `ingestor`."""

from classwaves_runtime.entry_point import run_command


def main() -> None:
    """Run the command line of the write path."""
    run_command("ingestor", "classwaves_ingestor.cli", extras=("consumer",))


if __name__ == "__main__":
    main()
