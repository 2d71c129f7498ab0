"""The command `analytics`."""

from classwaves_runtime.entry_point import run_command


def main() -> None:
    """Run the command line of the read side."""
    run_command("analytics", "classwaves_analytics.cli", extras=("consumer",))


if __name__ == "__main__":
    main()
