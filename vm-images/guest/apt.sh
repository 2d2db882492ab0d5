#!/bin/bash
# apt and apt-get on a machine that has no archive of packages. A script that makes sure of what is here goes on, a
# package file in reach is installed, and whoever asks for more is told what there is instead. Messages and statuses
# that scripts look at are apt's.

program=${0##*/}

missing() {
  cat >&2 <<'END'
This Linux is a fixed image: there is no archive of packages behind it. What you can do instead:
  dpkg -l                  lists what is installed
  dpkg -i FILE.deb         installs a Debian 12 package (i386 or all) from a file
  pip install FILE.whl     installs a Python package from a file
END
}

install() {
  local word name version status=0
  local -a files=()
  for word; do
    case $word in
      */*.deb | *.deb) files+=("$word") && continue ;;
    esac
    name=${word%%[=/]*}
    # A plus or a minus at the end says install or remove, unless it belongs to the name.
    version=$(dpkg-query -W -f '${Version} ${db:Status-Abbrev}\n' "$name" 2>/dev/null | sed -n 's/ ii *$//p' | head -n 1)
    if [[ -n $version ]]; then
      echo "$name is already the newest version ($version)."
    else
      echo "E: Unable to locate package $name" >&2
      status=100
    fi
  done
  if ((status != 0)); then
    missing
    return "$status"
  fi
  ((${#files[@]} == 0)) || dpkg -i -- "${files[@]}" || return 100
}

command='' skip='' words=()
for word; do
  if [[ -n $skip ]]; then
    skip=''
    continue
  fi
  case $word in
    -o | -c | -t | --option | --config-file | --target-release | --default-release) skip=yes ;;
    --version | -v) command=version ;;
    --help | -h) command=help ;;
    -*) ;;
    *) if [[ -z $command ]]; then command=$word; else words+=("$word"); fi ;;
  esac
done

case $command in
  install | reinstall) install "${words[@]}" ;;
  update | upgrade | full-upgrade | dist-upgrade | build-dep | source | download)
    case $command in
      build-dep | source | download) missing && exit 100 ;;
    esac
    echo "W: There is no archive of packages to look into: what is installed is what there is." >&2
    ;;
  autoremove | autopurge | autoclean | clean | check) ;;
  remove) ((${#words[@]} == 0)) || exec dpkg --remove -- "${words[@]}" ;;
  purge) ((${#words[@]} == 0)) || exec dpkg --purge -- "${words[@]}" ;;
  list) exec dpkg-query -W -f '${Package}/now ${Version} ${Architecture} [installed,local]\n' "${words[@]}" ;;
  show | showpkg | info) exec dpkg-query -s -- "${words[@]}" ;;
  search) dpkg-query -W -f '${Package} - ${binary:Summary}\n' | grep -i -- "${words[0]-}" || : ;;
  policy | madison) dpkg-query -W -f '${Package}:\n  Installed: ${Version}\n' "${words[@]}" ;;
  version) echo "$program of Kroma's Linux, without an archive of packages" ;;
  '' | help) missing 2>&1 ;;
  *)
    echo "E: Invalid operation $command" >&2
    exit 100
    ;;
esac
