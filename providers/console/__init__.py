"""placeholder"""

from django.contrib import admin

site = admin.site
