# bash completion for rimshot, to be sourced, or installed in bash-completion's folder.
_rimshot() {
    # bash cuts words at '=', which stands in KEY=VALUE and --flag=value.
    local line=${COMP_LINE:0:COMP_POINT} words word typed tail
    read -ra words <<<"$line"
    [[ $line == *[[:space:]] ]] && words+=("")
    typed=${words[-1]}
    tail=${typed%"${COMP_WORDS[COMP_CWORD]}"}
    [[ ${COMP_WORDS[COMP_CWORD]} == = ]] && tail=$typed
    COMPREPLY=()
    while IFS=$'\t' read -r word _; do
        case $word in
        :folders) mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -d -- "${typed#"$tail"}") ;;
        :files) mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -f -- "${typed#"$tail"}") ;;
        ":files "*) mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(
            compgen -f -X "!${word#:files }" -- "${typed#"$tail"}"
            compgen -d -- "${typed#"$tail"}"
        ) ;;
        *) COMPREPLY+=("${word#"$tail"}") ;;
        esac
        [[ $word == :* ]] && compopt -o filenames 2>/dev/null
    done < <("${words[0]}" --complete "${words[@]:1}" 2>/dev/null)
    [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *= ]] && compopt -o nospace 2>/dev/null
    return 0
}
complete -F _rimshot rimshot
