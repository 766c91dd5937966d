"""Build the parts of a Word file: styles, headings, tables whose heads repeat, pictures with words for the blind."""

from __future__ import annotations

import io
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from docx import Document
from docx.enum.section import WD_ORIENT
from docx.enum.table import WD_TABLE_ALIGNMENT
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.shared import Mm, Pt, RGBColor
from docx.text.paragraph import Paragraph

from lifecircle.outputs.typeface import plain_text

LATIN, CHINESE = "Arial", "Microsoft YaHei"
RED, GREY = RGBColor(0xA3, 0x26, 0x0F), RGBColor(0x55, 0x55, 0x55)
_HEAD_FILL = "E9E4DA"
_MOMENT = datetime(2000, 1, 1)
#: Text of a cell, or a text with its fill.
Cell = str | tuple[str, str]


class Word:
    """A Word file under work; every text that is put in is cleaned and stays text.

    Parameters
    ----------
    title : str
    head, foot : str
        What stands above and below on every page; page numbers follow the foot.
    mark : str
        Written in red beside the head; blank for none.
    """

    def __init__(self, title: str, head: str, foot: str, mark: str) -> None:
        self._file = Document()
        self._bookmarks = 0
        self.headings: list[tuple[int, str, str]] = []
        _set_styles(self._file)
        properties = self._file.core_properties
        properties.author = properties.last_modified_by = "lifecircle"
        properties.title, properties.comments = plain_text(title), ""
        properties.created = properties.modified = _MOMENT
        section = self._file.sections[0]
        section.orientation, section.page_width, section.page_height = WD_ORIENT.PORTRAIT, Mm(210), Mm(297)
        section.left_margin = section.right_margin = Mm(20)
        section.top_margin, section.bottom_margin = Mm(18), Mm(15)
        above = section.header.paragraphs[0]
        _run(above, head, size=8.5, colour=GREY)
        if mark:
            _run(above, f"　{mark}", size=8.5, colour=RED)
        below = section.footer.paragraphs[0]
        _run(below, f"{foot}　", size=8.5, colour=GREY)
        _field(below, "PAGE", "1")
        _run(below, " / ", size=8.5, colour=GREY)
        _field(below, "NUMPAGES", "1")

    def title(self, text: str) -> None:
        """Write the title of the file."""
        self._file.add_paragraph(plain_text(text), style="Title")

    def heading(self, text: str, level: int = 1, *, new_page: bool = False) -> None:
        """Write a heading that the contents list."""
        self._bookmarks += 1
        name = f"_Toc{self._bookmarks:04d}"
        paragraph = self._file.add_heading("", level)
        paragraph.paragraph_format.page_break_before = new_page
        start, end = OxmlElement("w:bookmarkStart"), OxmlElement("w:bookmarkEnd")
        for mark in (start, end):
            mark.set(qn("w:id"), str(self._bookmarks))
        start.set(qn("w:name"), name)
        paragraph._p.append(start)
        paragraph.add_run(plain_text(text))
        paragraph._p.append(end)
        self.headings.append((level, plain_text(text), name))

    def say(self, text: str, *, style: str = "Normal", colour: RGBColor | None = None, size: float | None = None,
            bold: bool = False) -> None:
        """Write a paragraph."""
        _run(self._file.add_paragraph(style=style), text, colour=colour, size=size, bold=bold)

    def caption(self, text: str) -> None:
        """Write what a table or picture shows; it stays on one page with what follows."""
        paragraph = self._file.add_paragraph(plain_text(text), style="Caption")
        paragraph.paragraph_format.keep_with_next = True

    def table(self, heads: Sequence[str], rows: Sequence[Sequence[Cell]], widths_mm: Sequence[float], *,
              numbers: Sequence[int] = ()) -> None:
        """Write a table: the head repeats on every page, no row is split, numbers stand at the right.

        Parameters
        ----------
        heads : sequence of str
        rows : sequence of sequences of str or (text, fill)
        widths_mm : sequence of float
        numbers : sequence of int
            Columns that hold numbers.
        """
        table = self._file.add_table(rows=0, cols=len(heads), style="Table Grid")
        table.alignment, table.autofit = WD_TABLE_ALIGNMENT.CENTER, False
        for at, width in enumerate(widths_mm):
            table.columns[at].width = Mm(width)
        for number, row in enumerate([[(head, _HEAD_FILL) for head in heads], *rows]):
            line = table.add_row()
            rules = line._tr.get_or_add_trPr()
            rules.append(OxmlElement("w:cantSplit"))
            if number == 0:
                rules.append(OxmlElement("w:tblHeader"))
            for at, (cell, content) in enumerate(zip(line.cells, row, strict=True)):
                text, fill = content if isinstance(content, tuple) else (content, "")
                cell.width = Mm(widths_mm[at])
                paragraph = cell.paragraphs[0]
                paragraph.style = self._file.styles["Table Text"]
                if at in numbers:
                    paragraph.alignment = WD_ALIGN_PARAGRAPH.RIGHT
                _run(paragraph, text, bold=number == 0)
                if fill:
                    shade = OxmlElement("w:shd")
                    for name, value in (("val", "clear"), ("color", "auto"), ("fill", fill)):
                        shade.set(qn(f"w:{name}"), value)
                    cell._tc.get_or_add_tcPr().append(shade)
        self._file.add_paragraph(style="After Table")

    def picture(self, png: bytes, width_mm: float, words: str) -> None:
        """Put a picture in, with words for those who do not see it."""
        paragraph = self._file.add_paragraph(style="After Table")
        paragraph.alignment = WD_ALIGN_PARAGRAPH.CENTER
        paragraph.paragraph_format.keep_with_next = True
        shape = paragraph.add_run().add_picture(io.BytesIO(png), width=Mm(width_mm))
        shape._inline.docPr.set("descr", plain_text(words, 400))

    def contents(self) -> Paragraph:
        """Hold a place for the list of contents, which `bytes` fills."""
        self._contents = self._file.add_paragraph(style="TOC 1")
        return self._contents

    def bytes(self) -> bytes:
        """Fill the contents and give the file."""
        if hasattr(self, "_contents"):
            _fill_contents(self._contents, self.headings, self._file.styles)
        made = io.BytesIO()
        self._file.save(made)
        return made.getvalue()


def _set_styles(file: Any) -> None:
    from docx.enum.style import WD_STYLE_TYPE

    styles = file.styles
    for name, base in (("Table Text", "Normal"), ("After Table", "Normal"), ("TOC 1", "Normal"), ("TOC 2", "Normal")):
        styles.add_style(name, WD_STYLE_TYPE.PARAGRAPH).base_style = styles[base]
    sizes = {"Normal": 10.5, "Title": 26, "Heading 1": 16, "Heading 2": 13.5, "Heading 3": 11, "Caption": 9.5,
             "Table Text": 8.5, "After Table": 4, "TOC 1": 10.5, "TOC 2": 9.5, "List Bullet": 10.5}
    for name, size in sizes.items():
        style = styles[name]
        style.font.name, style.font.size = LATIN, Pt(size)
        fonts = style.element.get_or_add_rPr().get_or_add_rFonts()
        for theme in ("asciiTheme", "hAnsiTheme", "eastAsiaTheme", "cstheme"):
            fonts.attrib.pop(qn(f"w:{theme}"), None)
        fonts.set(qn("w:eastAsia"), CHINESE)
        fonts.set(qn("w:cs"), LATIN)
        tongue = OxmlElement("w:lang")
        tongue.set(qn("w:val"), "en-US")
        tongue.set(qn("w:eastAsia"), "zh-CN")
        style.element.rPr.append(tongue)
        style.paragraph_format.space_before = Pt(10 if name.startswith("Heading") else 0)
        style.paragraph_format.space_after = Pt(1 if name in ("Table Text", "TOC 1", "TOC 2", "After Table") else 5)
        if name.startswith(("Heading", "Title")):
            style.font.color.rgb, style.paragraph_format.keep_with_next = RGBColor(0x22, 0x22, 0x22), True
        if name == "Caption":
            style.font.color.rgb, style.font.bold = GREY, False
    styles["TOC 2"].paragraph_format.left_indent = Mm(8)


def _run(paragraph: Paragraph, text: str, *, size: float | None = None, colour: RGBColor | None = None,
         bold: bool = False) -> None:
    run = paragraph.add_run(plain_text(text, 2_000))
    run.bold = bold or None
    if size:
        run.font.size = Pt(size)
    if colour is not None:
        run.font.color.rgb = colour


def _field(paragraph: Paragraph, code: str, shown: str, *, dirty: bool = False) -> None:
    """Write a field of Word's own, with what it shows until it is brought up to date."""
    for kind, text in (("begin", ""), ("", code), ("separate", ""), ("shown", shown), ("end", "")):
        run = paragraph.add_run()
        run.font.size, run.font.color.rgb = Pt(8.5), GREY
        if kind in ("begin", "separate", "end"):
            mark = OxmlElement("w:fldChar")
            mark.set(qn("w:fldCharType"), kind)
            if dirty and kind == "begin":
                mark.set(qn("w:dirty"), "true")
            run._r.append(mark)
        elif kind == "shown":
            run.text = text
        else:
            code_text = OxmlElement("w:instrText")
            code_text.set(qn("xml:space"), "preserve")
            code_text.text = f" {text} "
            run._r.append(code_text)


def _fill_contents(place: Paragraph, headings: Sequence[tuple[int, str, str]], styles: Any) -> None:
    """List the headings, each with a link and the number of its page, which Word and LibreOffice fill in."""
    for level, text, name in headings:
        line = place.insert_paragraph_before(style=styles[f"TOC {min(level, 2)}"])
        line.paragraph_format.tab_stops.add_tab_stop(Mm(165), alignment=2, leader=1)
        link = OxmlElement("w:hyperlink")
        link.set(qn("w:anchor"), name)
        line._p.append(link)
        run = line.add_run(text)
        link.append(run._r)
        line.add_run("\t")
        _field(line, f"PAGEREF {name} \\h", "", dirty=True)
    place._p.getparent().remove(place._p)
