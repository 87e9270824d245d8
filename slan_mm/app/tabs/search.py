"""The tab Search."""

from __future__ import annotations

from slan_mm.app.search import MOST, AppSearch
from slan_mm.app.tabs.parts import ONE_AT_A_TIME, lacking, shown


def search_tab(search: AppSearch) -> None:
    """A text in, the best pictures of the index and the phrases in them out."""
    import gradio as gr

    if 'search' not in search.model.tasks:
        lacking('search pictures')
        return
    with gr.Row():
        text = gr.Textbox(
            label='What to search for', placeholder='a [red circle]', scale=3, min_width=240, elem_id='search-text'
        )
        top = gr.Slider(1, MOST, value=6, step=1, label='Pictures', min_width=240, elem_id='search-top')
    go = gr.Button('Search', variant='primary', elem_id='search-go')
    page = gr.HTML(elem_id='search-found')
    gr.on([go.click, text.submit], shown(search.search), [text, top], page, **ONE_AT_A_TIME)
    if not search.may_add:
        return
    with gr.Accordion('Add a folder to the index', open=False, elem_id='search-add'):
        folder = gr.Textbox(
            label='Folder of pictures on this machine', placeholder='~/pictures', elem_id='search-folder'
        )
        add = gr.Button('Add', elem_id='search-add-go')
        said = gr.Markdown(elem_id='search-said')
        gr.on([add.click, folder.submit], shown(search.add), folder, said, **ONE_AT_A_TIME)
