"""IPython.display: the objects that notebooks show."""

import base64
import html as _html
import mimetypes
import os
import struct

from _kroma.display import DisplayHandle, clear_output, display, publish, update_display

__all__ = """Audio Code DisplayHandle DisplayObject FileLink FileLinks GeoJSON HTML IFrame Image JSON Javascript Latex Markdown
Math Pretty ProgressBar SVG ScribdDocument TextDisplayObject Video VimeoVideo YouTubeVideo clear_output display
display_html display_javascript display_jpeg display_json display_latex display_markdown display_pdf display_png
display_pretty display_svg publish_display_data set_matplotlib_close set_matplotlib_formats update_display""".split()


def publish_display_data(data, metadata=None, *, transient=None, **options):
    transient = transient or {}
    publish(dict(data), metadata, transient.get("display_id"), options.get("update", False))


def _read(url, text):
    from urllib.request import urlopen

    with urlopen(url) as response:
        data = response.read()
        return data.decode(response.headers.get_content_charset("utf-8"), "replace") if text else data


class DisplayObject:
    """Data of one MIME type, from a value, a URL or a file."""

    _text = True
    metadata = None

    def __init__(self, data=None, url=None, filename=None, metadata=None):
        if isinstance(data, os.PathLike):
            data = os.fspath(data)
        if isinstance(data, str) and url is None and filename is None:
            if data.startswith(("http://", "https://")) and self._from_text():
                url, data = data, None
            elif self._from_text() and len(data) < 1000 and "\n" not in data and os.path.isfile(data):
                filename, data = data, None
        self.data, self.url, self.filename = data, url, filename
        if metadata is not None:
            self.metadata = metadata
        elif self.metadata is None:
            self.metadata = {}
        self.reload()

    def _from_text(self):
        return False

    def reload(self):
        if self.filename is not None:
            with open(self.filename, "r" if self._text else "rb", **({"encoding": "utf-8"} if self._text else {})) as file:
                self.data = file.read()
        elif self.url is not None and self.data is None:
            self.data = _read(self.url, self._text)

    def _with_metadata(self):
        return (self.data, dict(self.metadata)) if self.metadata else self.data

    def __repr__(self):
        return f"<{type(self).__module__}.{type(self).__name__} object>"


class TextDisplayObject(DisplayObject):
    def __init__(self, data=None, url=None, filename=None, metadata=None):
        if data is not None and not isinstance(data, (str, os.PathLike)):
            raise TypeError(f"{type(self).__name__} expects text, not {data!r}")
        super().__init__(data, url, filename, metadata)


class Pretty(TextDisplayObject):
    def __repr__(self):
        return self.data


class HTML(TextDisplayObject):
    def _repr_html_(self):
        return self._with_metadata()

    __html__ = lambda self: self.data  # noqa: E731


class Markdown(TextDisplayObject):
    def _repr_markdown_(self):
        return self._with_metadata()


class Latex(TextDisplayObject):
    def _repr_latex_(self):
        return self._with_metadata()


class Math(TextDisplayObject):
    def _repr_latex_(self):
        return f"$\\displaystyle {self.data.strip('$')}$"


class SVG(DisplayObject):
    def _from_text(self):
        return True

    def _repr_svg_(self):
        text = self.data.decode() if isinstance(self.data, bytes) else self.data
        start = text.find("<svg")
        return text[start:] if start > 0 else text


class JSON(DisplayObject):
    def __init__(self, data=None, url=None, filename=None, expanded=False, metadata=None, root="root", **options):
        self.metadata = {"expanded": expanded, "root": root, **(metadata or {}), **options}
        super().__init__(data, url, filename, self.metadata)

    def reload(self):
        super().reload()
        if isinstance(self.data, (str, bytes)):
            import json

            self.data = json.loads(self.data)

    def _repr_json_(self):
        return self._with_metadata()


class GeoJSON(JSON):
    def _ipython_display_(self):
        publish({"application/geo+json": self.data, "text/plain": repr(self)}, dict(self.metadata))


class Javascript(TextDisplayObject):
    def __init__(self, data=None, url=None, filename=None, lib=None, css=None):
        self.lib = [lib] if isinstance(lib, str) else lib or []
        self.css = [css] if isinstance(css, str) else css or []
        super().__init__(data, url, filename)

    def _repr_javascript_(self):
        return self.data


class Code(TextDisplayObject):
    def __init__(self, data=None, url=None, filename=None, language=None):
        self.language = language
        super().__init__(data, url, filename)

    def __repr__(self):
        return self.data

    def _repr_markdown_(self):
        language = self.language or os.path.splitext(self.filename or "")[1].lstrip(".") or "python"
        return f"````{language}\n{self.data}\n````"


class Image(DisplayObject):
    _text = False

    def __init__(
        self,
        data=None,
        url=None,
        filename=None,
        format=None,
        embed=None,
        width=None,
        height=None,
        retina=False,
        unconfined=False,
        metadata=None,
        alt=None,
    ):
        name = filename if filename is not None else url if url is not None else data
        extension = os.path.splitext(os.fspath(name).split("?")[0])[1].lstrip(".").lower() if isinstance(name, (str, os.PathLike)) else ""
        self.embed = embed if embed is not None else url is None and not str(data).startswith(("http://", "https://"))
        self.width, self.height, self.retina, self.alt = width, height, retina, alt
        if not self.embed and url is None and isinstance(data, str):
            url, data = data, None
        self._format = format.lower() if format else extension
        super().__init__(data, url, filename, metadata)
        self.format = self._format or self._sniff()
        if self.format == "jpg":
            self.format = "jpeg"
        if self.embed and self.format not in ("png", "jpeg", "gif", "webp"):
            raise ValueError(f"Image shows png, jpeg, gif and webp, not {self.format!r}; for SVG there is SVG().")
        if retina and isinstance(self.data, bytes) and self.format == "png":
            width, height = struct.unpack(">II", self.data[16:24])
            self.width, self.height = self.width or width // 2, self.height or height // 2

    def _from_text(self):
        return True

    def reload(self):
        if self.embed or self.filename is not None:
            super().reload()
            if isinstance(self.data, str):
                # Text that is no file: base64 of an image.
                self.data = base64.b64decode(self.data)

    def _sniff(self):
        head = bytes(self.data[:12]) if isinstance(self.data, (bytes, bytearray)) else b""
        if head.startswith(b"\xff\xd8"):
            return "jpeg"
        if head.startswith(b"GIF8"):
            return "gif"
        return "webp" if head[8:12] == b"WEBP" else "png"

    def _repr_mimebundle_(self, include=None, exclude=None):
        details = {key: getattr(self, key) for key in ("width", "height", "alt") if getattr(self, key)}
        details.update(self.metadata)
        if self.embed:
            mime = f"image/{self.format}"
            return {mime: self.data}, {mime: details} if details else {}
        sizes = "".join(f' {key}="{_html.escape(str(value))}"' for key, value in details.items())
        return {"text/html": f'<img src="{_html.escape(self.url)}"{sizes}/>'}, {}


class Video(DisplayObject):
    _text = False

    def __init__(self, data=None, url=None, filename=None, embed=False, mimetype=None, width=None, height=None, html_attributes="controls"):
        if isinstance(data, str) and url is None:
            if data.startswith(("http://", "https://", "data:")):
                url, data = data, None
            else:
                filename, data = data, None
        self.mimetype, self.width, self.height, self.html_attributes = mimetype, width, height, html_attributes
        self.mimetype = mimetype or mimetypes.guess_type(filename or url or "")[0] or "video/mp4"
        super().__init__(data, url, filename)

    def reload(self):
        if self.filename is not None:
            super().reload()

    def _repr_html_(self):
        source = self.url or f"data:{self.mimetype};base64,{base64.b64encode(self.data).decode()}"
        sizes = "".join(f' {key}="{value}"' for key, value in (("width", self.width), ("height", self.height)) if value)
        return f'<video src="{_html.escape(source)}" {self.html_attributes}{sizes}></video>'


class Audio(DisplayObject):
    _text = False

    def __init__(self, data=None, filename=None, url=None, embed=None, rate=None, autoplay=False, normalize=True, *, element_id=None):
        if isinstance(data, str) and data.startswith(("http://", "https://")):
            url, data = data, None
        elif isinstance(data, (str, os.PathLike)):
            filename, data = os.fspath(data), None
        self.autoplay = autoplay
        self.mimetype = mimetypes.guess_type(filename or url or "")[0] or "audio/wav"
        if data is not None and not isinstance(data, (bytes, bytearray)):
            if rate is None:
                raise ValueError("Audio from numbers needs rate=, in samples a second.")
            data = _wave(data, rate, normalize)
            self.mimetype = "audio/wav"
        super().__init__(data, url, filename)

    def reload(self):
        if self.filename is not None:
            super().reload()

    def _repr_html_(self):
        source = self.url or f"data:{self.mimetype};base64,{base64.b64encode(self.data).decode()}"
        return f'<audio controls {"autoplay" if self.autoplay else ""} src="{_html.escape(source)}"></audio>'


def _wave(data, rate, normalize):
    """16-bit PCM of numbers, or of several channels of them."""
    import array
    import io
    import wave

    rows = data.tolist() if hasattr(data, "tolist") else list(data)
    channels = rows if rows and hasattr(rows[0], "__len__") else [rows]
    top = max((abs(value) for row in channels for value in row), default=1) or 1
    if not normalize:
        if top > 1:
            raise ValueError("Audio data must be between -1 and 1 when normalize=False.")
        top = 1
    samples = array.array("h", (int(row[i] / top * 32767) for i in range(len(channels[0])) for row in channels))
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(len(channels))
        file.setsampwidth(2)
        file.setframerate(int(rate))
        file.writeframes(samples.tobytes())
    return out.getvalue()


class IFrame:
    def __init__(self, src, width, height, extras=None, **parameters):
        self.src, self.width, self.height, self.extras, self.params = src, width, height, extras or [], parameters

    def _repr_html_(self):
        from urllib.parse import urlencode

        source = self.src + ("?" + urlencode(self.params) if self.params else "")
        return (
            f'<iframe width="{self.width}" height="{self.height}" src="{_html.escape(source)}" frameborder="0" '
            f'allowfullscreen {" ".join(self.extras)}></iframe>'
        )


class YouTubeVideo(IFrame):
    def __init__(self, id, width=400, height=300, **parameters):
        self.id = id
        super().__init__(f"https://www.youtube.com/embed/{id}", width, height, **parameters)


class VimeoVideo(IFrame):
    def __init__(self, id, width=400, height=300, **parameters):
        super().__init__(f"https://player.vimeo.com/video/{id}", width, height, **parameters)


class ScribdDocument(IFrame):
    def __init__(self, id, width=400, height=300, **parameters):
        super().__init__(f"https://www.scribd.com/embeds/{id}/content", width, height, **parameters)


class FileLink:
    def __init__(self, path, url_prefix="", result_html_prefix="", result_html_suffix="<br>"):
        self.path, self.url_prefix = os.fspath(path), url_prefix
        self.before, self.after = result_html_prefix, result_html_suffix

    def _repr_html_(self):
        if not os.path.exists(self.path):
            return f"Path (<tt>{_html.escape(self.path)}</tt>) doesn't exist."
        text = _html.escape(self.path)
        return f'{self.before}<a href="{_html.escape(self.url_prefix)}{text}" target="_blank">{text}</a>{self.after}'

    def __repr__(self):
        return os.path.abspath(self.path)


class FileLinks(FileLink):
    def __init__(self, path, url_prefix="", recursive=True, **options):
        super().__init__(path, url_prefix)
        self.recursive = recursive

    def _repr_html_(self):
        rows = []
        for folder, _, names in os.walk(self.path):
            rows.append(f"{_html.escape(folder)}/<br>")
            rows += [f"&nbsp;&nbsp;{FileLink(os.path.join(folder, name), self.url_prefix)._repr_html_()}" for name in sorted(names)]
            if not self.recursive:
                break
        return "\n".join(rows)


class ProgressBar(DisplayObject):
    def __init__(self, total):
        self.total, self._progress, self.html_width, self.text_width = total, 0, "60ex", 60
        self._handle = DisplayHandle()

    def __repr__(self):
        filled = int(self.text_width * self._progress / self.total) if self.total else 0
        return f"[{'=' * filled}{' ' * (self.text_width - filled)}] {self._progress}/{self.total}"

    def _repr_html_(self):
        return f'<progress style="width:{self.html_width}" max="{self.total}" value="{self._progress}"></progress>'

    def display(self):
        self._handle.display(self)

    def update(self):
        self._handle.update(self)

    @property
    def progress(self):
        return self._progress

    @progress.setter
    def progress(self, value):
        self._progress = value
        self.update()

    def __iter__(self):
        self.display()
        self._progress = -1
        return self

    def __next__(self):
        self.progress += 1
        if self.progress < self.total:
            return self.progress
        raise StopIteration


def _show_as(mime):
    def show(*values, raw=False, metadata=None, **options):
        for value in values:
            if raw:
                publish({mime: value}, metadata)
            else:
                display(value, include=[mime, "text/plain"], metadata=metadata)

    return show


display_html, display_markdown, display_svg = _show_as("text/html"), _show_as("text/markdown"), _show_as("image/svg+xml")
display_png, display_jpeg, display_pdf = _show_as("image/png"), _show_as("image/jpeg"), _show_as("application/pdf")
display_latex, display_json = _show_as("text/latex"), _show_as("application/json")
display_javascript, display_pretty = _show_as("application/javascript"), _show_as("text/plain")


def set_matplotlib_formats(*formats, **options):
    """Taken kindly: figures are PNG."""


def set_matplotlib_close(close=True):
    """Taken kindly: figures are closed at the end of the cell."""

# The names by which Jupyter tells the objects.
for _kind in list(globals().values()):
    if isinstance(_kind, type) and _kind.__module__ == __name__:
        _lib = _kind.__name__ in ("Audio", "Code", "FileLink", "FileLinks", "IFrame", "ScribdDocument", "VimeoVideo", "YouTubeVideo")
        _kind.__module__ = "IPython.lib.display" if _lib else "IPython.core.display"
