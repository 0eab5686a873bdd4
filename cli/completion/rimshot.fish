# fish completion for rimshot, to be installed in vendor_completions.d.
function __rimshot_complete
    set -l words (commandline -opc)
    set -l typed (commandline -ct)
    for line in ($words[1] --complete $words[2..] $typed 2>/dev/null)
        switch $line
            case ':folders'
                __fish_complete_directories $typed ''
            case ':files'
                __fish_complete_path $typed
            case ':files *'
                __fish_complete_suffix (string replace ':files *' '' -- $line)
            case '*'
                echo $line
        end
    end
end
complete -c rimshot -f -a '(__rimshot_complete)'
