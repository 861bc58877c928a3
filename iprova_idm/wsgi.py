"""The WSGI application that gunicorn serves."""

import os

from django.core.wsgi import get_wsgi_application

from iprova_idm.statement_limits import limit_statements

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "iprova_idm.settings")
application = get_wsgi_application()
limit_statements()
