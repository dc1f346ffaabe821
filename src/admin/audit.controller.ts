import { Controller, Get, Query } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { Journal, type AuditEntry, type Page } from '../core/journal.js';
import { pageOf, PageQuery } from './page.query.js';

@ApiTags('config')
@Controller('api/v1/audit')
export class AuditController {
  constructor(private readonly journal: Journal) {}

  @Get()
  @ApiOperation({ summary: 'Who changed what, or tried to, by the admin side: newest first.' })
  list(@Query() query: PageQuery): Promise<Page<AuditEntry>> {
    return this.journal.auditLog(pageOf(query));
  }
}
