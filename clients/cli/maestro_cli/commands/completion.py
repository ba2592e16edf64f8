"""`maestro completion`: the script that makes a shell complete commands."""

import click


@click.command(epilog='Example: eval "$(maestro completion bash)"')
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print the completion script of SHELL."""
    from click.shell_completion import get_completion_class

    from maestro_cli.main import cli

    kind = get_completion_class(shell)
    if kind is None:
        raise click.UsageError(f"no completion for {shell}")
    click.echo(kind(cli, {}, "maestro", "_MAESTRO_COMPLETE").source())
