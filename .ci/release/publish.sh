#!/usr/bin/env bash
# The steps of a release that change something for others, each to be run once and in this order:
#
#   publish.sh draft VERSION FOLDER NOTES [BUNDLE]   a draft with every file of FOLDER (and the provenance), downloaded again and compared
#   publish.sh publish VERSION                       commits dist/manifest.json on top of HEAD, tags that commit, publishes the draft
#   publish.sh move VERSION                          moves the major version's tag; not for prereleases and 0.x
#
# Needs git, gh with GH_TOKEN, GITHUB_REPOSITORY and GITHUB_SERVER_URL. `gh` and `git` are looked for on the PATH: the tests put
# scripted ones there.
set -euo pipefail
export LC_ALL=C

fail() {
  printf '::error title=release::%s\n' "$1"
  exit 1
}

step=${1:?draft, publish or move}
version=${2:?a version}
[[ $version =~ ^[0-9]+\.[0-9]+\.[0-9]+(-[0-9A-Za-z.-]+)?$ ]] || fail "$version is no version"
tag=v$version
repository=${GITHUB_REPOSITORY:?}

# Pushes with the token for this one command; it is written to no file and stands in no argument.
push() {
  GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0="http.${GITHUB_SERVER_URL:?}/.extraheader" \
    GIT_CONFIG_VALUE_0="AUTHORIZATION: basic $(printf 'x-access-token:%s' "${GH_TOKEN:?}" | base64 | tr -d '\n')" \
    git push "$GITHUB_SERVER_URL/$repository" "$@"
}

case $step in
  draft)
    folder=${3:?a folder}
    notes=${4:?a file of notes}
    prerelease=()
    case $version in *-*) prerelease=(--prerelease) ;; esac
    if [ -n "${5:-}" ]; then cp -- "$5" "$folder/mlbuild-$version.provenance.jsonl"; fi
    gh release create "$tag" --repo "$repository" --draft --title "$version" --notes-file "$notes" "${prerelease[@]}"
    gh release upload "$tag" --repo "$repository" "$folder"/*
    back=$(mktemp -d)
    gh release download "$tag" --repo "$repository" --dir "$back"
    for file in "$folder"/*; do
      cmp -- "$file" "$back/${file##*/}" || fail "${file##*/} came back from the draft as something else"
    done
    [ "$(find "$folder" -type f | wc -l)" -eq "$(find "$back" -type f | wc -l)" ] || fail "the draft holds files that nobody made"
    rm -rf -- "$back"
    ;;
  publish)
    changed=$(git diff --name-only)
    [ "$changed" = dist/manifest.json ] || fail "only dist/manifest.json may differ from the commit that was built: ${changed:-nothing does}"
    git -c user.name='github-actions[bot]' -c user.email='41898282+github-actions[bot]@users.noreply.github.com' \
      commit --quiet --message "release: $version, with the digests of its binaries" -- dist/manifest.json
    git tag "$tag"
    push "refs/tags/$tag"
    gh release edit "$tag" --repo "$repository" --draft=false --verify-tag
    ;;
  move)
    major=${version%%.*}
    case $version in
      0.* | *-*) echo "$version moves no tag" ;;
      *)
        git tag --force "v$major" "refs/tags/$tag^{commit}"
        push --force "refs/tags/v$major"
        ;;
    esac
    ;;
  *) fail "expected draft, publish or move, found $step" ;;
esac
