"""`python -m gnref` is `gnref`; `torchrun ... -m gnref train` starts here too."""

from gnref.cli import main

if __name__ == "__main__":
    main()
