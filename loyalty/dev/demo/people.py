"""Names for the demo's households; made up, like their phones."""

SURNAMES = "王李张刘陈杨黄赵吴周徐孙马朱胡郭何林高罗"
GIVEN = (
    "秀英", "建国", "丽华", "志强", "敏", "静", "伟", "芳",
    "磊", "洋", "艳", "勇", "娟", "涛", "明", "超",
    "霞", "平", "雨桐", "子涵", "欣怡", "浩然", "思远", "佳宁",
    "梓萱", "晓彤", "文博", "嘉懿", "俊杰", "梦琪", "天佑", "诗涵",
)  # fmt: skip


def name(number: int) -> str:
    """The nth household's name."""
    return SURNAMES[number % len(SURNAMES)] + GIVEN[(number * 7) % len(GIVEN)]


def phone(number: int) -> str:
    """The nth household's phone, from a range that is given to nobody."""
    return f"+86139{number:08d}"
