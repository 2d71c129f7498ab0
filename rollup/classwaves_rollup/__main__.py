"""The command `rollup`."""

from classwaves_runtime.entry_point import run_command


def main() -> None:
    """Run the command line of the rollup."""
    run_command("rollup", "classwaves_rollup.cli", extras=("consumer", "rollup"))


if __name__ == "__main__":
    main()
