"""Exported chats: only what the person wrote is learned, in the languages that the apps speak."""

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from venire._common.errors import InputError
from venire.datasets.chats import App, read_chat

OWN = "I was at the lake with my sister and her kids"


def learned(tmp_path: Path, *lines: str) -> list[str]:
    file = tmp_path / "chat.txt"
    file.write_text("\n".join(lines) + "\n", "utf-8")
    return [row.texts[-1] for row in read_chat(file, "whatsapp", "Ann", min_chars=1)]


@pytest.mark.parametrize(
    "app_says",
    [
        "IMG-20251231-WA0001.jpg (file attached)",
        "IMG-20251231-WA0001.jpg (mukana oleva tiedosto)",
        "Our contract.pdf (Datei angehängt)",
        "<attached: 00000012-PHOTO-2025-12-31.jpg>",
        "<Anhang: 00000012-PHOTO-2025-12-31.jpg>",
        "\u200e<attached: 00000012-VIDEO-2025-12-31.mp4>",
        "<Medien ausgeschlossen>",
        "<Без медиафайлов>",
        "Videonachricht weggelassen",
        "\u200eimmagine non inclusa",
        "location: https://maps.google.com/?q=47.1,8.2",
        "Standort: https://maps.google.com/?q=47.1,8.2",
        "Du hast diese Nachricht gelöscht.",
        "This message was deleted",
        "This message was deleted by admin Ben",
    ],
)
def test_what_the_app_says_in_a_persons_place_is_not_learned(app_says: str, tmp_path: Path) -> None:
    asked, said = "31/12/25, 23:01 - Ben: And?", "31/12/25, 23:02 - Ann: "
    assert learned(tmp_path, asked, said + app_says, said + OWN) == [OWN]
    assert learned(tmp_path, asked, said + app_says, OWN) == [OWN]  # with a caption


@pytest.mark.parametrize(
    "own", ["This message means a lot to me.", "I <3 it, and 5 > 4", "Look: https://maps.google.com is down"]
)
def test_what_only_looks_like_it_is_learned(own: str, tmp_path: Path) -> None:
    assert learned(tmp_path, "31/12/25, 23:01 - Ben: And?", f"31/12/25, 23:02 - Ann: {own}") == [own]


@pytest.mark.parametrize(
    "mark", [" <This message was edited>", " \u200e<This message was edited>", " <Diese Nachricht wurde bearbeitet.>"]
)
def test_the_mark_of_an_edited_message_is_left_out(mark: str, tmp_path: Path) -> None:
    assert learned(tmp_path, "31/12/25, 23:01 - Ben: And?", f"31/12/25, 23:02 - Ann: {OWN}{mark}") == [OWN]


@pytest.mark.parametrize(
    "news",
    [
        "Ann hat die Gruppe „Reise: Rom“ erstellt",
        'Ann created group "Trip: Rome"',
        "Ann a créé le groupe « Rome : été: oui »",
    ],
)
def test_news_of_a_group_has_no_speaker(news: str, tmp_path: Path) -> None:
    file = tmp_path / "chat.txt"
    file.write_text(f'31/12/25, 23:01 - {news}\n31/12/25, 23:02 - Ben "Bug" Ray: And?\n', "utf-8")
    with pytest.raises(InputError, match='speakers are Ben "Bug" Ray; say'):
        read_chat(file, "whatsapp")


@pytest.mark.parametrize(
    "line",
    [
        "2025/12/31 下午11:59 - {}: {}",
        "2025. 12. 31. 오후 11:59, {} : {}",
        "[2025. 12. 31. 오후 11:59:01] {}: {}",
        "31.12.2025 klo 23.59 - {}: {}",
        "12/31/25, 11:59\u202fPM - {}: {}",
    ],
)
def test_days_and_times_of_other_languages_are_read(line: str, tmp_path: Path) -> None:
    assert learned(tmp_path, line.format("Ben", "And?"), line.format("Ann", OWN)) == [OWN]


def test_what_was_passed_on_is_not_the_persons(tmp_path: Path) -> None:
    told: list[tuple[str, str, dict[str, Any]]] = [
        ("Ben", "Have you seen the news?", {}),
        ("Ann", "BREAKING: the minister has resigned!", {"forwarded_from": "A channel"}),
        ("Ben", "And what of this one, then?", {"forwarded_from": None}),
        ("Ann", OWN, {}),
    ]
    messages = [{"type": "message", "from": who, "text": text, **more} for who, text, more in told]
    file = tmp_path / "result.json"
    file.write_text(json.dumps({"id": 1, "messages": messages}), "utf-8")
    (row,) = read_chat(file, "telegram", "Ann")
    assert row.texts == ["Have you seen the news?\nAnd what of this one, then?", OWN]


@pytest.mark.parametrize(
    ("app", "content"),
    [
        ("claude", [{"chat_messages": [None]}]),
        ("claude", [{"chat_messages": [{"sender": ["human"], "content": [1]}]}]),
        ("chatgpt", [{"mapping": {"a": None}, "current_node": "a"}]),
        ("chatgpt", [{"mapping": {"a": {"message": {"author": "me"}}}, "current_node": "a"}]),
        ("telegram", {"chats": [1]}),
        ("telegram", {"chats": {"list": [1]}}),
        ("telegram", {"messages": [1]}),
        ("telegram", {"messages": [{"text": [1]}]}),
    ],
)
def test_an_export_of_another_shape_is_one_sentence(app: App, content: Any, tmp_path: Path) -> None:
    file = tmp_path / "export.json"
    file.write_text(json.dumps(content), "utf-8")
    with pytest.raises(InputError, match=r"export\.json.*(is no JSON object|is missing)"):
        read_chat(file, app, "Ann")


def test_an_archive_is_to_be_unpacked(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "chat.zip", "w") as archive:
        archive.writestr("chat.txt", "31/12/25, 23:01 - Ben: And?")
    with pytest.raises(InputError, match=r"chat\.zip: a zip archive; unpack it"):
        read_chat(tmp_path / "chat.zip", "whatsapp", "Ann")
