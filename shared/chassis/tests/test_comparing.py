"""What counts as a difference between two documents."""

from shared.chassis.comparing import Compared, differing, shown


def test_the_keepers_fields_do_not_count() -> None:
    compared = Compared()
    compared.count("elm.1", {"_id": "elm.1", "_rev": 3, "name": "Rex"}, {"_id": "elm.1", "_rev": 4, "name": "Rex"})
    assert (compared.equal, compared.is_empty) == (1, True)


def test_a_document_that_is_gone_counts_as_none() -> None:
    compared = Compared()
    compared.count("elm.1", {"_id": "elm.1", "_gone": True}, {"_id": "elm.1", "name": "Rex"})
    compared.count("elm.2", {"_id": "elm.2", "name": "Tom"}, {"_id": "elm.2", "_gone": True})
    compared.count("elm.3", {"_id": "elm.3", "_gone": True}, None)
    assert (compared.added, compared.lost, compared.changed, compared.equal) == (1, 1, 0, 0)
    assert shown({"_gone": True}) is None


def test_a_change_names_its_fields_and_only_ten_samples_are_kept() -> None:
    compared = Compared()
    for n in range(12):
        compared.count(f"elm.{n}", {"name": "Rex", "age": 1, "old": 0}, {"name": "Rex", "age": 2, "new": 0})
    assert compared.changed == 12
    assert [sample.fields for sample in compared.samples["changed"]] == [("age", "new", "old")] * 10


def test_a_field_that_is_null_differs_from_one_that_is_not_there() -> None:
    assert differing({"a": None}, {}) == ("a",)
