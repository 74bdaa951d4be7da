/// The shells that `vc completion` knows.
enum Shell: String, CaseIterable {
    case bash, zsh, fish
}
