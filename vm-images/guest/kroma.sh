#!/bin/bash
# kroma: values that Python, TypeScript and shell cells hand to each other (core/workspace/VALUES.md). They are files
# in the workspace's .kroma/values, so this needs nothing but the files.
set -u
part=
values=${KROMA_VALUES:-/workspace/.kroma/values}

usage() {
  cat <<'TEXT'
usage: kroma get [-r] [--bytes] NAME     print a value (JSON; -r: strings as they are; bytes as they are)
       kroma set NAME VALUE              VALUE is JSON if it parses as JSON, else a string
       kroma set [--json|--bytes] NAME   the value comes from standard input (text unless said otherwise)
       kroma list                        names and kinds
       kroma remove NAME...              forget values
       kroma help
TEXT
}

die() {
  printf 'kroma: %s\n' "$2" >&2
  exit "$1"
}

check_name() {
  [[ $1 =~ ^[A-Za-z_][A-Za-z0-9_.-]{0,127}$ && $1 != *..* ]] || die 2 "not a name: $1"
}

file_of() {
  local extension
  for extension in json bin npy arrow; do
    [[ -f $values/$1.$extension ]] && { printf '%s' "$values/$1.$extension"; return; }
  done
  return 1
}

# Names with their kinds, sorted: "a json". Bash's own means where they do: starting a program is dear here.
names() {
  local file
  for file in "$values"/*; do
    file=${file##*/}
    [[ $file =~ ^([A-Za-z_][A-Za-z0-9_.-]*)\.(json|bin|npy|arrow)$ ]] && printf '%s\t%s\n' "${BASH_REMATCH[1]}" "${BASH_REMATCH[2]}"
  done
  return 0
}

# A NumPy file as JSON: nested lists by its shape.
npy_to_json() {
  local file=$1 length header descr shape order type size swap=little
  [[ $(head -c 6 "$file" | tail -c 5) == NUMPY ]] || die 1 "not an npy file: $file"
  length=$(od -An -tu2 --endian=little -j8 -N2 "$file" | tr -d ' ')
  header=$(tail -c +11 "$file" | head -c "$length")
  descr=$(sed -nE "s/.*'descr': *'([^']*)'.*/\1/p" <<<"$header")
  order=$(sed -nE "s/.*'fortran_order': *(True|False).*/\1/p" <<<"$header")
  shape=$(sed -nE "s/.*'shape': *\(([^)]*)\).*/\1/p" <<<"$header" | tr -d ' ' | sed 's/,$//')
  [[ $order == True ]] && die 1 "an array in Fortran order cannot be printed"
  size=${descr:2}
  [[ ${descr:0:1} == '>' ]] && swap=big
  case ${descr:1:1} in
    f) type=f$size ;;
    i) type=d$size ;;
    u) type=u$size ;;
    b) type=u1 ;;
    *) die 1 "an array of type $descr cannot be printed" ;;
  esac
  [[ $type == f2 ]] && die 1 "an array of type $descr cannot be printed"
  tail -c +$((length + 11)) "$file" | od -An -v -w"$size" -t"$type" --endian=$swap |
    sed -E 's/^ *(-?)(nan|inf)$/{"$kroma":"float","value":"\1\2"}/; s/"-?nan"/"NaN"/; s/inf"/Infinity"/' |
    if [[ ${descr:1:1} == b ]]; then sed 's/1/true/; s/0/false/'; else cat; fi |
    jq -cs --argjson shape "[$shape]" '
      def group($n): if $n <= 0 then [] else [range(0; length; $n) as $i | .[$i:$i+$n]] end;
      if $shape == [] then .[0]
      else reduce ($shape[1:] | reverse)[] as $n (.; group($n)) end'
}

get() {
  local raw= bytes= name= file
  while (($#)); do
    case $1 in
      -r | --raw) raw=1 ;;
      --bytes) bytes=1 ;;
      -*) die 2 "unknown option $1" ;;
      *) [[ -z $name ]] || die 2 "one name, please"; name=$1 ;;
    esac
    shift
  done
  [[ $name ]] || { usage >&2; exit 2; }
  check_name "$name"
  if ! file=$(file_of "$name"); then
    local some
    some=$(names | cut -f1 | head -n 10 | paste -sd' ')
    die 1 "no value named $name${some:+; there are: $some}"
  fi
  case $file in
    *.json) if [[ $bytes ]]; then cat -- "$file"; else get_json "$file" "$raw"; fi ;;
    *.npy) if [[ $bytes ]]; then cat -- "$file"; else npy_to_json "$file"; fi ;;
    *) cat -- "$file" ;;
  esac
}

# Prints a JSON file on one line; with -r a string as it is. jq, slow to start, only where bash cannot do it.
get_json() {
  local text quoted='^"[^"\\]*"$'
  text=$(<"$1")
  if [[ $2 && $text =~ $quoted ]]; then printf '%s\n' "${text:1:-1}"
  elif [[ $2 && $text == '"'* || $text == *$'\n'* ]]; then jq ${2:+-r} -c . "$1"
  else printf '%s\n' "$text"; fi
}

# Prints a value as JSON if bash can tell that it is JSON already, or a string without anything to escape.
plain_json() {
  local number='^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?$' plain='^[A-Za-z_][A-Za-z0-9_ .,:;/@%+=()!?*<>#|~&-]*$'
  case $1 in
    true | false | null) printf '%s\n' "$1" ;;
    *)
      if [[ $1 =~ $number && ${#1} -lt 16 ]]; then printf '%s\n' "$1"
      elif [[ $2 != json && $1 =~ $plain ]]; then printf '"%s"\n' "$1"
      else return 1; fi
      ;;
  esac
}

put() {
  local kind= name= value= given= extension=json other
  while (($#)); do
    case $1 in
      --json | --bytes) [[ $name && ! $given && $# -gt 1 ]] && die 2 "options come before the name"; kind=${1#--} ;;
      *)
        if [[ -z $name ]]; then name=$1
        elif [[ -z $given ]]; then given=1 value=$1
        else die 2 "one value, please"; fi
        ;;
    esac
    shift
  done
  [[ $name ]] || { usage >&2; exit 2; }
  check_name "$name"
  [[ $kind == bytes ]] && extension=bin
  [[ -d $values ]] || mkdir -p -- "$values" || die 1 "cannot write in $values"
  part=$values/$name.$extension.tmp-$RANDOM$RANDOM
  trap '[[ -e $part ]] && rm -f -- "$part"' EXIT
  if [[ $given ]]; then
    if [[ $kind == bytes ]]; then printf '%s' "$value" >"$part"
    elif plain_json "$value" "$kind" >"$part"; then :
    elif ! one_json <<<"$value" >"$part"; then
      [[ $kind == json ]] && die 2 "not JSON: $value"
      printf '%s' "$value" | jq -Rsc . >"$part"
    fi
  elif [[ $kind == bytes ]]; then cat >"$part"
  elif [[ $kind == json ]]; then one_json >"$part" || die 2 "standard input is not one JSON value"
  else jq -Rsc 'if endswith("\n") then .[:-1] else . end' >"$part"; fi || die 1 "cannot write $name"
  mv -f -- "$part" "$values/$name.$extension" || die 1 "cannot write $name"
  for other in json bin npy arrow; do
    [[ $other != "$extension" && -e $values/$name.$other ]] && rm -f -- "$values/$name.$other"
  done
  return 0
}

# Standard input, if it is exactly one JSON value.
one_json() {
  jq -cs 'if length == 1 then .[0] else error("not one value") end' 2>/dev/null
}

command=${1:-help}
(($#)) && shift
case $command in
  get) get "$@" ;;
  set) put "$@" ;;
  list) names ;;
  remove | rm)
    (($#)) || { usage >&2; exit 2; }
    status=0
    for name; do
      check_name "$name"
      if file=$(file_of "$name"); then rm -f -- "$file"; else printf 'kroma: no value named %s\n' "$name" >&2; status=1; fi
    done
    exit $status
    ;;
  help | -h | --help) usage ;;
  *) usage >&2; exit 2 ;;
esac
