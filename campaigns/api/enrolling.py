"""Where members come in, with what the rules give them for it."""

from campaigns.services import enrolling
from members.api.members import MembersView
from members.api.sessions import WechatView


class EnrollingView(MembersView):
    """Members, who earn by enrolling."""

    enrol = staticmethod(enrolling.enrol)


class SigningInView(WechatView):
    """Signing in with WeChat, which enrols who is new."""

    enrol = staticmethod(enrolling.enrol)
