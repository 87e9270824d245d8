from slan_mm.datasets import RetrievalDataset

PIPELINE = [{'type': 'LoadImage'}, {'type': 'ResizeImage', 'size': 4}, {'type': 'PackPairs'}]


def test_one_item_an_image_with_all_captions(images, write, karpathy):
    file = write('k.json', karpathy)
    dataset = RetrievalDataset(
        file, 'karpathy', split='train', data_prefix={'img': str(images)}, pipeline=PIPELINE, id_prefix='x/'
    )
    samples = [item['data_samples'] for item in dataset]
    assert [sample.image_id for sample in samples] == ['x/a', 'x/b', 'x/c']
    assert samples[1].text == ['b first caption .', 'b second caption .']
    assert samples[1].sample_id == 'x/b'
    assert dataset.test_mode


def test_rows_of_a_table_that_name_one_image_are_gathered(images, write):
    file = write('t.csv', 'image,caption\na.jpg,one\nb.jpg,two\na.jpg,a rather long caption\n')
    dataset = RetrievalDataset(file, 'table', data_prefix={'img': str(images)}, pipeline=PIPELINE, max_words=3)
    assert [item['data_samples'].text for item in dataset] == [['one', 'a rather long'], ['two']]
