# Read by ./run and ./test: makes .venv beside the code and installs the hash-locked lists when they changed.

find_python() {
    for candidate in "${PYTHON:-}" python3.11 python3.12 python3.13 python3.14 python3 python; do
        [ -n "$candidate" ] || continue
        if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then
            printf '%s\n' "$candidate"
            return
        fi
        if [ "$candidate" = "${PYTHON:-}" ]; then
            echo "PYTHON=$PYTHON is not Python 3.11 or newer." >&2
            return 1
        fi
    done
    echo "Baton needs Python 3.11 or newer. Install it, or say where it is with PYTHON=/path/to/python3.11." >&2
    return 1
}

# install PYTHON LIST: with uv where it is there and reaches the packages, which takes seconds; otherwise with pip
install() {
    if command -v uv >/dev/null 2>&1; then
        uv pip install --quiet --python "$1" --require-hashes -r "$2" && return
        echo "uv could not install them; pip tries." >&2
    fi
    # pip would compile one file after the other, those of the libraries' own tests too
    "$1" -m pip install --quiet --disable-pip-version-check --no-compile --require-hashes -r "$2" || return
    case $2 in
    */requirements.txt) "$1" -m compileall -qq -j 0 -x 'site-packages/.*/tests?/' "${1%/bin/*}/lib" || true ;;
    esac # what only tests and extras use is compiled when it is first used
}

# make_environment ROOT LIST...
make_environment() {
    root=$1
    shift
    environment=$root/.venv
    if ! "$environment/bin/python" -c '' >/dev/null 2>&1; then
        python=$(find_python)
        echo "Making the Python environment in $environment." >&2
        if ! "$python" -m venv --clear "$environment" >&2; then
            rm -rf "$environment"
            echo "This Python cannot make environments. On Debian or Ubuntu: apt-get install python3-venv" >&2
            return 1
        fi
    fi
    for list in "$@"; do
        stamp=$environment/installed-$(basename "$list")
        if ! cmp -s "$root/$list" "$stamp"; then
            echo "Installing $list; this takes a minute or two." >&2
            install "$environment/bin/python" "$root/$list" >&2 || return
            cp "$root/$list" "$stamp"
        fi
    done
}
