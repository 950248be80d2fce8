from dataclasses import replace

from handful.core.left_out import LeftOut
from handful.inspection.findings import left_out
from handful.inspection.measurements import measure_images
from tests.data.noise_images import noise_dataset


def test_what_the_reader_did_not_use_is_a_finding() -> None:
    data = replace(noise_dataset([0, 1]), left_out=(LeftOut("HEIC images", ("cat/1.heic",), "convert them"),))
    (finding,) = left_out.find(measure_images(data))
    assert finding.message == "HEIC images: 1 not used (cat/1.heic)"
    assert (finding.severity, finding.remedy) == ("warning", "convert them")
    assert left_out.find(measure_images(noise_dataset([0, 1]))) == ()
