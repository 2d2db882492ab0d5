#!/bin/bash
# man on a machine without manual pages: shows what the shell, or the program itself, says of a command.

name= skip=
for word; do
  if [[ -n $skip ]]; then
    skip=
    continue
  fi
  case $word in
    -[CLMPRSem]) skip=yes ;;
    -* | [0-9] | [0-9]p) ;;
    *) name=${word##*/} && break ;;
  esac
done
if [[ -z $name ]]; then
  echo "What manual page do you want?" >&2
  exit 1
fi

pager() {
  if [[ -t 1 ]]; then less -R; else cat; fi
}

if text=$(help -m -- "$name" 2>/dev/null); then
  :
# Only what the image brought is asked: any other program may take --help for something to do.
elif path=$(readlink -f "$(type -P -- "$name")") && [[ $path == /usr/bin/* ]] &&
  text=$(timeout 5 "$name" --help 2>&1 </dev/null) && [[ -n $text ]]; then
  text="Manual pages are left out of this image; this is what \"$name --help\" says.

$text"
else
  echo "No manual entry for $name" >&2
  echo "(Manual pages are left out of this image; try \"$name --help\" or \"help $name\".)" >&2
  exit 16
fi
printf '%s\n' "$text" | pager
