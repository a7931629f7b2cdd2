"""Attributes that are others for a while."""

from __future__ import annotations

import pytest

from distrib.cluster.patch import patched


class Library:
    def name(self) -> str:
        return "its own"


class Derived(Library):
    pass


def test_modules_classes_and_objects_are_as_before_afterwards() -> None:
    library, derived = Library(), Derived()
    before = [dict(vars(owner)) for owner in (Library, Derived, library)]
    with (
        pytest.raises(ZeroDivisionError),
        patched(Library, name=lambda self: "another"),
        patched(Derived, name=lambda self: "inherited no more"),
        patched(library, name=lambda: "this one's"),
    ):
        assert library.name() == "this one's"
        assert Library().name() == "another"
        assert derived.name() == "inherited no more"
        _ = 1 / 0
    assert [dict(vars(owner)) for owner in (Library, Derived, library)] == before
    assert derived.name() == "its own"


def test_what_is_not_there_is_not_invented() -> None:
    with pytest.raises(AttributeError, match="nam"), patched(Library, name=None, nam=None):
        pass
    assert Library().name() == "its own"
