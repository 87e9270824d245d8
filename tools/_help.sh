# Sourced by the scripts of this folder before they do anything. What they say of themselves is the comment at their head:
# --help or -h prints it, and an option that it does not name is refused.
#
#   check_options "$@"      refuses unknown options
#   check_arguments 2 "$@"  refuses fewer than two arguments, and options in their place

_script=$(basename "${BASH_SOURCE[1]}")
_comment=$(sed -n '2,/^[^#]/s/^# \{0,1\}//p' "${BASH_SOURCE[1]}")

refuse() { printf '%s: %s; see: bash tools/%s --help\n' "${_script%.sh}" "$1" "$_script" >&2; exit 2; }

check_options() {
    local arg
    for arg in "$@"; do
        case $arg in -*) case " $(tr -s '[:space:]' ' ' <<< "$_comment")" in
            *" ${arg%%=*} "*) ;;
            *) refuse "unknown option $arg" ;;
        esac ;; esac
    done
}

check_arguments() {
    local count=$1; shift
    [ $# -ge "$count" ] || refuse "needs $count arguments, $# are given"
    check_options "${@:1:$count}"
}

case " $* " in *' --help '* | *' -h '*) printf '%s\n' "$_comment"; exit ;; esac
